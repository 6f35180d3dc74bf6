"""Edit: the record of one change by a person, or by a program with a token; never modified."""

from datetime import datetime
from typing import Any

from pydantic import Field

from models.base import Stored


class Change(Stored):
    """The values of a field before and after."""

    previous: Any
    current: Any


class EditRecord(Stored):
    """A change of a case or of one of its executions, by whom, when and why.

    `event` is `created`, `edited`, `canonical_pinned`, `canonical_freed`, `software_stated`,
    `software_withdrawn` or `deleted`; `by` is the name of the token.
    """

    case_id: str
    execution_id: str | None = None
    at: datetime
    by: str
    reason: str | None = None
    event: str
    changes: dict[str, Change] = Field(default_factory=dict)
