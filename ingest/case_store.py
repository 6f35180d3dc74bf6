"""Cases in the database: reading one whole, and writing what has changed of it, atomically.

A case is its document, the overflow documents behind it, and the listed executions derived from
it. They are written together or not at all, and only on top of the revision that was read.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from ingest.patience import Patience
from ingest.software_link import fill_specs, resolve_software
from models.case import CaseRecord
from models.case_overflow import MOST_BYTES, MOST_EXECUTIONS, overflow_id
from models.database import Database, Delete, Insert, Put, Update, Write, encoded_size
from models.errors import DamagedError, WriteConflictError
from models.execution import Execution
from models.identity import CaseKey
from models.listed_execution import list_execution, listed_id

T = TypeVar("T")

_BOOKKEEPING = frozenset({"revision", "createdAt", "updatedAt"})
_MARKED: dict[str, Any] = {"$inc": {"revision": 1}}


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case as it was read, and how many executions each of its documents holds.

    `missing` are the numbers of overflow documents that are not there although later ones are.
    """

    record: CaseRecord
    lengths: tuple[int, ...]
    missing: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Rewritten(Generic[T]):
    """A case as it is to be, what is to be written with it, and what else came of that."""

    case: CaseRecord
    result: T
    also: tuple[Write, ...] = ()


Rewrite = Callable[[CaseRecord | None], Rewritten[T] | None]


async def rewrite_case(
    database: Database, case_id: str, rewrite: Rewrite[T], seconds: float
) -> T | None:
    """Change a case, again if somebody else has changed it meanwhile, and return what came of it.

    `rewrite` makes of the case as it is, None when it is not recorded, the one that is to be; or
    None, to leave it. It runs in a thread, for it may take long, and what it raises is raised.
    WriteConflictError when others kept writing the case for so many seconds.
    """
    patience = Patience(seconds)
    while await patience.lasts():
        documents = await _read_documents(database, case_id)
        prepared = await asyncio.to_thread(_prepare, database, case_id, documents, rewrite)
        if prepared is None:
            return None
        writes, result = prepared
        if await _store(database, writes):
            return result
    raise WriteConflictError(f"case {case_id}: others kept writing it; try again")


def _prepare(
    database: Database, case_id: str, documents: "_Documents | None", rewrite: Rewrite[T]
) -> tuple[list[Write], T] | None:
    """Return the writes that change a case, none when it is right as it is."""
    before = _read(case_id, documents) if documents else None
    after = rewrite(before.record if before else None)
    if after is None:
        return None
    writes = list(_writes(database, case_id, before, after.case))
    return [*writes, *after.also] if writes else [], after.result


async def read_case(database: Database, case_id: str) -> StoredCase | None:
    """Return a case with all its executions, None when it is not recorded.

    What belongs to it follows from ids alone: no count is trusted. DamagedError when the
    documents are not what a case can be.
    """
    documents = await _read_documents(database, case_id)
    return None if documents is None else await asyncio.to_thread(_read, case_id, documents)


class _Documents(NamedTuple):
    """The document of a case, and its overflow documents by number."""

    case: Mapping[str, Any]
    overflows: Mapping[int, Mapping[str, Any]]


async def _read_documents(database: Database, case_id: str) -> _Documents | None:
    document = await database.cases.find_one({"_id": case_id})
    if document is None:
        return None
    found = await database.case_overflows.find(overflows_of(case_id))
    return _Documents(document, {_number(each["_id"]): each for each in found})


def _read(case_id: str, documents: _Documents) -> StoredCase:
    try:
        return _joined(case_id, *documents)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise DamagedError("unreadable", f"case {case_id}: {place}: {first['msg']}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError("unreadable", f"case {case_id}: {error!r}") from None


def overflows_of(case_id: str) -> dict[str, Any]:
    """Return the query for the overflow documents of a case, which is by their ids alone."""
    return {"_id": {"$gt": f"{case_id}/", "$lt": f"{case_id}0"}}  # "0" comes after "/"


def _number(own_id: str) -> int:
    return int(own_id.rpartition("/")[2])


def _joined(
    case_id: str, document: Mapping[str, Any], overflows: Mapping[int, Mapping[str, Any]]
) -> StoredCase:
    numbers = range(1, max(overflows, default=0) + 1)
    parts = [document["executions"]]
    parts += [overflows[n]["executions"] if n in overflows else [] for n in numbers]
    everything = {**document, "executions": [item for part in parts for item in part]}
    record = CaseRecord.model_validate(everything)
    if CaseKey(record.machine, record.user, record.name).case_id != case_id:
        told = f"{record.name} by {record.user} on {record.machine}"
        raise DamagedError("identity", f"case {case_id} is not {told}, as it says")
    missing = frozenset(n for n in numbers if n not in overflows)
    return StoredCase(record, tuple(map(len, parts)), missing)


async def store_case(
    database: Database, case_id: str, before: StoredCase, after: CaseRecord
) -> bool:
    """Write the difference between two states of a case; False when the first is out of date."""
    return await _store(database, list(_writes(database, case_id, before, after)))


async def _store(database: Database, writes: Sequence[Write]) -> bool:
    """Do the writes of a case, with the links of the executions that they list."""
    if not writes:
        return True
    listed = _listed_in(database, writes)
    await fill_specs(database, listed)
    is_written = await database.write(writes)
    if is_written:
        await _resolve(database, listed)
    return is_written


async def remove_case(
    database: Database, case_id: str, case: StoredCase, also: Sequence[Write] = ()
) -> bool:
    """Remove a case and all that belongs to it; False when it was written meanwhile."""
    writes: list[Write] = [
        Update(database.cases, {"_id": case_id, "revision": case.record.revision}, _MARKED),
        Delete(database.cases, case_id),
    ]
    writes += [
        Delete(database.case_overflows, overflow_id(case_id, number))
        for number in range(1, len(case.lengths))
    ]
    listed = await database.executions.find({"caseId": case_id}, {"_id": 1})
    ids = {each["_id"] for each in listed}
    ids |= {listed_id(case_id, execution.execution_id) for execution in case.record.executions}
    writes += [Delete(database.executions, own_id) for own_id in sorted(ids)]
    return await database.write([*writes, *also])


async def relist_case(
    database: Database,
    case_id: str,
    before: StoredCase,
    after: CaseRecord,
    without: Collection[str] = (),
) -> bool:
    """As `store_case`, and list all executions anew, but for those `without`."""
    executions = database.executions
    writes = [
        w for w in _writes(database, case_id, before, after) if w.collection is not executions
    ]
    revision = before.record.revision
    writes = writes or [Update(database.cases, {"_id": case_id, "revision": revision}, _MARKED)]
    writes += [
        Put(executions, listed_document(after, case_id, execution))
        for execution in after.executions
        if execution.execution_id not in without
    ]
    return await _store(database, writes)


def _listed_in(database: Database, writes: Sequence[Write]) -> list[dict[str, Any]]:
    """Return the listed executions that are about to be written."""
    return [
        write.document
        for write in writes
        if isinstance(write, Insert | Put) and write.collection is database.executions
    ]


async def _resolve(database: Database, listed: Sequence[Mapping[str, Any]]) -> None:
    """Link those that name software once more: its specs may have come at the same time."""
    await resolve_software(database, [each["_id"] for each in listed if "specs" in each])


def listed_document(case: CaseRecord, case_id: str, execution: Execution) -> dict[str, Any]:
    """Return the document that lists an execution; DamagedError when its deltas are none."""
    try:
        listed = list_execution(case, case_id, execution).stored()
    except (AttributeError, KeyError, TypeError) as error:
        told = f"case {case_id}: the deltas of {execution.execution_id} cannot be read: {error!r}"
        raise DamagedError("unreadable", told) from None
    return {"_id": listed_id(case_id, execution.execution_id), **listed}


def _writes(
    database: Database, case_id: str, before: StoredCase | None, after: CaseRecord
) -> Iterator[Write]:
    known = {id(execution) for execution in before.record.executions} if before else set()
    changed = [execution for execution in after.executions if id(execution) not in known]
    parts = _split(before, after.executions)
    if before is None:
        first = after.model_copy(update={"executions": parts[0]})
        yield Insert(database.cases, {"_id": case_id, **first.stored(), "revision": 1})
    else:
        change = _case_change(before, after, parts[0])
        if not (change or changed or _removed(before, after)):
            return
        change.setdefault("$set", {})["updatedAt"] = datetime.now(UTC)
        change["$inc"] = {"revision": 1}
        revision = before.record.revision
        yield Update(database.cases, {"_id": case_id, "revision": revision}, change)
    yield from _overflow_writes(database, case_id, before, parts)
    for execution_id in _removed(before, after):
        yield Delete(database.executions, listed_id(case_id, execution_id))
    for execution in _to_list_anew(before, after, changed):
        document = listed_document(after, case_id, execution)
        yield (
            Insert(database.executions, document)
            if before is None
            else Put(database.executions, document)
        )


def _case_change(
    before: StoredCase, after: CaseRecord, executions: Sequence[Execution]
) -> dict[str, dict[str, Any]]:
    """Return the update of the case document, empty when nothing in it has changed."""
    names = {
        name
        for name in CaseRecord.model_fields.keys() - {"executions"}
        if getattr(after, name) != getattr(before.record, name)
    }
    stored = after.model_dump(by_alias=True, include=names)
    change: dict[str, dict[str, Any]] = {}
    if set_fields := {name: stored[name] for name in stored if name not in _BOOKKEEPING}:
        change["$set"] = set_fields
    _merge(change, _array_change(_part(before, 0), executions))
    return change


def _overflow_writes(
    database: Database,
    case_id: str,
    before: StoredCase | None,
    parts: Sequence[Sequence[Execution]],
) -> Iterator[Write]:
    lengths = before.lengths if before else ()
    for number in range(1, max(len(lengths), len(parts))):
        own_id = overflow_id(case_id, number)
        if number >= len(parts):
            yield Delete(database.case_overflows, own_id)
        elif before is None or number >= len(lengths) or number in before.missing:
            if not parts[number]:
                continue  # what stood in it is not known
            executions = [execution.stored() for execution in parts[number]]
            document = {"_id": own_id, "caseId": case_id, "number": number}
            yield Put(database.case_overflows, {**document, "executions": executions})
        elif change := _array_change(_part(before, number), parts[number]):
            yield Update(database.case_overflows, {"_id": own_id}, change)


def _array_change(old: Sequence[Execution], new: Sequence[Execution]) -> dict[str, dict[str, Any]]:
    """Return how an array of executions is changed.

    Those that come after all that are there are pushed: setting the whole array would send it
    through the oplog.
    """
    is_kept = len(new) >= len(old) and all(
        ours is theirs for ours, theirs in zip(old, new, strict=False)
    )
    if is_kept and len(new) == len(old):
        return {}
    if is_kept:
        added = [execution.stored() for execution in new[len(old) :]]
        return {"$push": {"executions": {"$each": added}}}
    return {"$set": {"executions": [execution.stored() for execution in new]}}


def _merge(change: dict[str, dict[str, Any]], other: Mapping[str, Mapping[str, Any]]) -> None:
    for operator, fields in other.items():
        change.setdefault(operator, {}).update(fields)


def _part(case: StoredCase, number: int) -> Sequence[Execution]:
    start = sum(case.lengths[:number])
    return case.record.executions[start : start + case.lengths[number]]


def _split(before: StoredCase | None, executions: Sequence[Execution]) -> list[Sequence[Execution]]:
    """Share executions out to documents, each filled as far as it should be before the next.

    Documents that are full and stay as they are need not be measured again.
    """
    full: list[Sequence[Execution]] = []
    start = 0
    for number in range(len(before.lengths) - 1 if before else 0):
        assert before is not None
        part = _part(before, number)
        ours = executions[start : start + len(part)]
        if len(ours) < len(part) or any(a is not b for a, b in zip(part, ours, strict=True)):
            break
        if number in before.missing and _is_filled(before, number, executions[start:]):
            break
        full.append(ours)
        start += len(part)
    return [*full, *_fill(executions[start:])]


def _is_filled(before: StoredCase, number: int, following: Sequence[Execution]) -> bool:
    """Tell whether executions have come to where a missing overflow document was."""
    after = sum(before.lengths[:number])
    known = before.record.executions[after : after + 1]
    return [e.execution_id for e in known] != [e.execution_id for e in following[:1]]


def _fill(executions: Sequence[Execution]) -> Iterator[Sequence[Execution]]:
    start = size = 0
    for number, execution in enumerate(executions):
        added = encoded_size(execution.stored())
        if number - start == MOST_EXECUTIONS or (size + added > MOST_BYTES and number > start):
            yield executions[start:number]
            start, size = number, 0
        size += added
    yield executions[start:]


def _removed(before: StoredCase | None, after: CaseRecord) -> list[str]:
    kept = {execution.execution_id for execution in after.executions}
    there = before.record.executions if before else []
    return [e.execution_id for e in there if e.execution_id not in kept]


def _to_list_anew(
    before: StoredCase | None, after: CaseRecord, changed: Sequence[Execution]
) -> list[Execution]:
    """Return the executions whose listing is no longer right."""
    if before is None:
        return list(after.executions)
    old, new = before.record, after
    if _shown_of_all(old) != _shown_of_all(new):
        return list(after.executions)
    canonical = {old.canonical_execution_id, new.canonical_execution_id}
    affected = canonical if len(canonical) > 1 else set()
    ids = {id(execution) for execution in changed}
    return [e for e in after.executions if id(e) in ids or e.execution_id in affected]


def _shown_of_all(case: CaseRecord) -> tuple[str | None, ...]:
    """Return what of a case is shown with each of its executions, and can change."""
    return case.case_group, case.configuration_of, case.annotations.simulation_type
