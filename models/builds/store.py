"""TODO docstring."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from models.builds.build import BuildEvent, BuildRecord, events_id
from models.builds.log import StoredLog
from models.builds.manifest import remove_unused_manifests
from models.database.client import Database
from models.database.writes import DeleteAll, Upsert, Write

BuildOutcome = Literal["created", "updated", "unchanged"]
_BOOKKEEPING = frozenset({"revision", "createdAt", "updatedAt", "_id"})
_UNUSED_AFTER = timedelta(days=1)


async def discard_logs(database: Database, logs: Iterable[StoredLog]) -> None:
    """Remove those of the logs that this writer has just stored and no build names."""
    for log in logs:
        if log.token is not None and not await _is_used(database, log.digest):
            await database.logs.discard(log.digest, log.token)


async def _is_used(database: Database, digest: str) -> bool:
    return await database.builds.find_one({"logs.digest": digest}, {"_id": 1}) is not None


async def read_build(database: Database, own_id: str) -> BuildRecord | None:
    """Return a build without the events that it has no room for, None when it is not recorded."""
    document = await database.builds.find_one({"_id": own_id})
    return None if document is None else BuildRecord.model_validate(document)


def build_change(known: BuildRecord, merged: BuildRecord) -> dict[str, Any]:
    """Return the update that makes of a recorded build the other, and counts the revision up."""
    before, after = known.stored(), merged.stored()
    fields = {
        name: value
        for name, value in after.items()
        if name not in _BOOKKEEPING and before[name] != value
    }
    return {"$set": {**fields, "updatedAt": datetime.now(UTC)}, "$inc": {"revision": 1}}


def event_writes(
    database: Database,
    own_id: str,
    known: BuildRecord | None,
    parts: Sequence[Sequence[BuildEvent]],
) -> Iterator[Write]:
    """Give the writes that make these the events that a build has no room for."""
    for number, part in enumerate(parts, 1):
        events = [event.stored() for event in part]
        document = {"_id": events_id(own_id, number), "buildId": own_id, "number": number}
        yield Upsert(database.build_events, {**document, "events": events})
    if known is not None:
        left_over = {"buildId": own_id, "number": {"$gt": len(parts)}}
        yield DeleteAll(database.build_events, left_over)


async def remove_unused(database: Database, *, before: datetime | None = None) -> int:
    """Remove logs and manifests that no build names, and halves of logs; return how many.

    Those that were stored after `before`, a day ago, may belong to a build that is being written.
    """
    before = before or datetime.now(UTC) - _UNUSED_AFTER
    removed = await database.logs.delete_fragments(before)
    async for digest in database.logs.unused(before):
        if not await _is_used(database, digest):
            removed += await database.logs.delete(digest, before)
    return removed + await remove_unused_manifests(database, before)
