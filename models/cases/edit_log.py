"""The log of edits: who changed a case, and why."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from models.cases.edit import Change, EditRecord
from models.database.client import Database
from models.database.writes import Insert


@dataclass(frozen=True, slots=True)
class Author:
    """The author of an edit: the name of a token, and the reason that was given."""

    name: str
    reason: str | None = None


def edit_entry(
    database: Database,
    case_id: str,
    author: Author,
    event: str,
    execution_id: str | None = None,
    changes: Mapping[str, Change] | None = None,
) -> Insert:
    """Return the write of an edit's log entry, to be applied together with the edit itself."""
    record = EditRecord(
        case_id=case_id,
        execution_id=execution_id,
        at=datetime.now(UTC),
        by=author.name,
        reason=author.reason,
        event=event,
        changes=dict(changes or {}),
    )
    return Insert(database.edits, {"_id": str(uuid.uuid4()), **record.stored()})
