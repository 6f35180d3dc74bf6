"""Edit: one change that a person, or a program with a token, has made; never changed itself."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from beanie import Document
from pydantic import Field

from models.base import Stored
from models.database.types import Index


class Change(Stored):
    """What a field was before and after."""

    previous: Any
    current: Any


class EditRecord(Stored):
    """What was done to a case or to one of its executions, by whom, when and why.

    `event` is `created`, `edited`, `canonical_pinned`, `canonical_freed` or `deleted`; `by` is the
    name of the token.
    """

    case_id: str
    execution_id: str | None = None
    at: datetime
    by: str
    reason: str | None = None
    event: str
    changes: dict[str, Change] = Field(default_factory=dict)


class Edit(EditRecord, Document):
    """A document of the collection `edits`; `_id` is a random UUID."""

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "edits"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("caseId", 1), ("at", 1), ("_id", 1)], name="case"),
        ]
