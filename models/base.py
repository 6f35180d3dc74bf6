"""The base class of stored documents: snake_case in Python, camelCase in MongoDB and in JSON."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

Integer = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True)]
"""Numbers, which neither true and false nor texts are taken for."""


class Stored(BaseModel):
    """A document or subdocument; MongoDB and REST use the same camelCase names for its fields."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )

    def stored(self) -> dict[str, Any]:
        """Return the document as MongoDB holds it."""
        return self.model_dump(by_alias=True)


def first_fault(error: ValidationError) -> str:
    """Return the dotted path of the first invalid field, and what is wrong with it."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
