"""What people and programs do to a case, as the collection of edits keeps it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from models.cases.edit import Change, EditRecord
from models.database.client import Database
from models.database.writes import Insert


@dataclass(frozen=True, slots=True)
class Author:
    """Who does something, and why."""

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
    """Return the entry of an edit, to be written with what it is of."""
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
