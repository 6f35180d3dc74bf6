"""Storage of builds: writing, updating by reports, and removing logs and manifests out of use.

The logs of a build are stored first, then its manifest, then the document in one atomic write
together with the events for which it has no room. So nothing that a document refers to is ever
missing. What a failed or killed writer leaves behind is referred to by no build, and
`remove_unused` removes it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from models.builds.build import BuildEvent, BuildRecord, events_id
from models.builds.log import StoredLog
from models.builds.manifest import remove_unused_manifests
from models.builds.merge import (
    GROUPS,
    merge,
    replaces_outcome,
    reported_build,
    with_report,
    with_sources,
)
from models.database.client import Database
from models.database.retry import IMPORT_RETRY_SECONDS, REQUEST_RETRY_SECONDS, Backoff
from models.database.writes import DeleteAll, Insert, Update, Upsert, Write
from models.errors import ConflictError, NotOwnerError, WriteConflictError

BuildOutcome = Literal["created", "updated", "unchanged"]

_BOOKKEEPING = frozenset({"revision", "createdAt", "updatedAt", "_id"})
_LOCATION_FIELDS = ("fingerprints", "source_path")
_UNUSED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BuildParts:
    """A build as it is stored: its document, the events for which that has no room, the manifest.

    `events` holds the events of one `BuildEvents` document each.
    """

    build_id: str
    record: BuildRecord
    events: tuple[tuple[BuildEvent, ...], ...] = ()
    manifest: tuple[dict[str, Any], ...] = ()


async def read_build(database: Database, build_id: str) -> BuildRecord | None:
    """Return a build without its `BuildEvents` documents, or None when it is not stored."""
    document = await database.builds.find_one({"_id": build_id})
    return None if document is None else BuildRecord.model_validate(document)


async def read_owned_build(database: Database, build_id: str, owner: str) -> BuildRecord | None:
    """Return a build that nobody owns or `owner` does, or None when it is not stored.

    Raise NotOwnerError when it belongs to somebody else.
    """
    known = await read_build(database, build_id)
    if known is not None and known.owner not in {None, owner}:
        raise NotOwnerError(f"build {build_id} belongs to {known.owner}")
    return known


async def insert_build(database: Database, build_id: str, record: BuildRecord) -> bool:
    """Store a new build; return False when a build of this id exists."""
    document = {"_id": build_id, **with_sources(record).stored()}
    return await database.write([Insert(database.builds, document)])


async def adopt_build(database: Database, build_id: str, reported: BuildRecord, owner: str) -> None:
    """Merge the beginning of a report into a build that was imported before, and own it.

    One that `owner` has begun before stays unchanged. Raise NotOwnerError when it belongs to
    somebody else, ConflictError when it has another name or version, and WriteConflictError when
    others keep writing it.
    """
    seen = with_sources(reported)
    async with database.turns.turn(f"build {build_id}", REQUEST_RETRY_SECONDS):
        backoff = Backoff(REQUEST_RETRY_SECONDS)
        while await backoff.wait():
            known = await read_owned_build(database, build_id, owner)
            if known is None or known.owner is not None:
                return
            _check_identity(build_id, known, reported)
            if await database.write([_update(database, build_id, known, merge(known, seen))]):
                return
    raise WriteConflictError(f"build {build_id}: others kept writing it; try again")


def _check_identity(build_id: str, known: BuildRecord, reported: BuildRecord) -> None:
    for field in ("name", "version"):
        before, now = getattr(known, field), getattr(reported, field)
        if before and now and before != now:
            raise ConflictError(f"build {build_id} is recorded with another {field}")


async def write_build(database: Database, parts: BuildParts) -> BuildOutcome:
    """Merge one account of a build atomically into what is stored.

    Raise WriteConflictError when other importers keep writing the same build.
    """
    seen = with_sources(parts.record)
    async with database.turns.turn(f"build {parts.build_id}", IMPORT_RETRY_SECONDS):
        backoff = Backoff(IMPORT_RETRY_SECONDS)
        while await backoff.wait():
            known = await read_build(database, parts.build_id)
            merged = seen if known is None else merge(known, seen)
            if merged is known:
                return "unchanged"
            if await database.write(list(_merge_writes(database, parts, known, merged))):
                return "created" if known is None else _outcome(known, merged)
    raise WriteConflictError(f"build {parts.build_id}: other importers kept writing it; try again")


async def preview_build(database: Database, parts: BuildParts) -> BuildOutcome:
    """Return what `write_build` would return; write nothing."""
    known = await read_build(database, parts.build_id)
    seen = with_sources(parts.record)
    return "created" if known is None else _outcome(known, merge(known, seen))


def _outcome(known: BuildRecord, merged: BuildRecord) -> BuildOutcome:
    """Return `unchanged` also when only another location of the same files is new."""
    locations = {name: getattr(known, name) for name in _LOCATION_FIELDS}
    return "unchanged" if merged.model_copy(update=locations) == known else "updated"


def _merge_writes(
    database: Database, parts: BuildParts, known: BuildRecord | None, merged: BuildRecord
) -> Iterator[Write]:
    if known is None:
        yield Insert(database.builds, {"_id": parts.build_id, **merged.stored(), "revision": 1})
    else:
        yield _update(database, parts.build_id, known, merged)
    if known is None or replaces_outcome(known, with_sources(parts.record)):
        yield from _event_writes(database, parts.build_id, known, parts.events)


async def update_build(
    database: Database,
    build_id: str,
    owner: str,
    change: Callable[[BuildRecord], dict[str, Any]],
    parts: BuildParts | None = None,
) -> BuildRecord | None:
    """Set the fields that `change` returns, and replace the events if there are `parts`.

    `change` is called again when another writer was faster. Return the changed build, or None when
    it is not stored. Raise NotOwnerError when it belongs to somebody else, and WriteConflictError
    when others keep writing it.
    """
    async with database.turns.turn(f"build {build_id}", REQUEST_RETRY_SECONDS):
        backoff = Backoff(REQUEST_RETRY_SECONDS)
        while await backoff.wait():
            known = await read_owned_build(database, build_id, owner)
            if known is None:
                return None
            reported = reported_build(known)
            changed = with_report(known, _changed(reported, change(reported)))
            if changed == known:
                return known
            writes: list[Write] = [_update(database, build_id, known, changed)]
            if parts is not None and changed.reported is None:
                writes += _event_writes(database, build_id, known, parts.events)
            if await database.write(writes):
                return changed
    raise WriteConflictError(f"build {build_id}: others kept writing it; try again")


def _changed(known: BuildRecord, fields: Mapping[str, Any]) -> BuildRecord:
    """Return the build with these fields as a live report states them, or the very same build."""
    if all(getattr(known, name) == value for name, value in fields.items()):
        return known
    groups = {group: "live" for group, names in GROUPS.items() if fields.keys() & set(names)}
    return known.model_copy(update={**fields, "told_by": {**known.told_by, **groups}})


def _update(database: Database, build_id: str, known: BuildRecord, changed: BuildRecord) -> Update:
    """Return the write that changes only the revision that was read."""
    before, after = known.stored(), changed.stored()
    fields = {
        name: value
        for name, value in after.items()
        if name not in _BOOKKEEPING and before[name] != value
    }
    change = {"$set": {**fields, "updatedAt": datetime.now(UTC)}, "$inc": {"revision": 1}}
    return Update(database.builds, {"_id": build_id, "revision": known.revision}, change)


def _event_writes(
    database: Database,
    build_id: str,
    known: BuildRecord | None,
    parts: Sequence[Sequence[BuildEvent]],
) -> Iterator[Write]:
    """Yield the writes that replace the `BuildEvents` documents of a build."""
    for number, part in enumerate(parts, 1):
        events = [event.stored() for event in part]
        document = {"_id": events_id(build_id, number), "buildId": build_id, "number": number}
        yield Upsert(database.build_events, {**document, "events": events})
    if known is not None:
        left_over = {"buildId": build_id, "number": {"$gt": len(parts)}}
        yield DeleteAll(database.build_events, left_over)


async def discard_logs(database: Database, logs: Iterable[StoredLog]) -> None:
    """Remove those logs that the caller has just stored and that no build refers to."""
    for log in logs:
        if log.token is not None and not await _is_used(database, log.digest):
            await database.logs.discard(log.digest, log.token)


async def _is_used(database: Database, digest: str) -> bool:
    used = {"$or": [{"logs.digest": digest}, {"reported.logs.digest": digest}]}
    return await database.builds.find_one(used, {"_id": 1}) is not None


async def remove_unused(database: Database, *, before: datetime | None = None) -> int:
    """Remove logs and manifests that no build refers to, and fragments of logs; return how many.

    Anything stored after `before` (default: a day ago) is kept, because it may belong to a build
    that is being written.
    """
    before = before or datetime.now(UTC) - _UNUSED_AFTER
    removed = await database.logs.delete_fragments(before)
    async for digest in database.logs.unused(before):
        if not await _is_used(database, digest):
            removed += await database.logs.delete(digest, before)
    return removed + await remove_unused_manifests(database, before)
