"""CaseOverflow: the executions of a case that has more of them than one document should hold.

MongoDB writes a document anew, and all its index entries, whenever something is pushed to it, and
16 MiB is the end. The executions of a case stand in the order of their submission in the case
itself and then in its overflow documents, `number` 1, 2 and so on.
"""

from typing import Annotated, ClassVar

from beanie import Document
from pydantic import Field

from models.base import Stored
from models.cases.execution import Execution
from models.database.types import Index

MOST_EXECUTIONS = 1000
MOST_BYTES = 8 * 2**20


def overflow_id(case_id: str, number: int) -> str:
    """Return the `_id` of the overflow document `number` of a case."""
    return f"{case_id}/{number}"


class CaseOverflow(Document):
    """A document of the collection `caseOverflows`; `_id` is case id, slash, number."""

    model_config = Stored.model_config

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    case_id: str
    number: int
    executions: list[Execution]

    class Settings:
        """Collection and indexes."""

        name = "caseOverflows"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("caseId", 1), ("number", 1)], name="case", unique=True),
        ]
