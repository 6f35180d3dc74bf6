"""The documents of a case: assembling a case from them, and the writes that change them. Pure.

cases            <case id>          the case, with its first executions
caseOverflows    <case id>/1, 2 …   its further executions
executions       <case id>/<LID>    one listed execution for each, derived from the case
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from models.base import first_fault
from models.cases.case import CaseRecord
from models.cases.execution import Execution
from models.cases.identity import CaseKey
from models.cases.listed_execution import list_execution, listed_id
from models.cases.overflow import MAX_BYTES, MAX_EXECUTIONS, overflow_id
from models.database.client import Database
from models.database.collection import encoded_size
from models.database.writes import Delete, Insert, Update, Upsert, Write
from models.errors import DamagedError

_BOOKKEEPING = frozenset({"revision", "createdAt", "updatedAt"})


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case as it was read, and how many executions each of its documents holds.

    `lengths` has the case document first, then the overflow documents by number. `missing` are the
    numbers of overflow documents that do not exist although later ones do.
    """

    record: CaseRecord
    lengths: tuple[int, ...]
    missing: frozenset[int] = frozenset()


class CaseDocuments(NamedTuple):
    """The document of a case, and its overflow documents in any order."""

    case: Mapping[str, Any]
    overflows: Sequence[Mapping[str, Any]]


def assemble_case(case_id: str, documents: CaseDocuments) -> StoredCase:
    """Return the case that documents make up; DamagedError when that is not a valid case."""
    try:
        return _joined(case_id, *documents)
    except ValidationError as error:
        raise DamagedError("unreadable", f"case {case_id}: {first_fault(error)}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError("unreadable", f"case {case_id}: {error!r}") from None


def _joined(
    case_id: str, document: Mapping[str, Any], overflow_documents: Sequence[Mapping[str, Any]]
) -> StoredCase:
    overflows = {int(other["_id"].rpartition("/")[2]): other for other in overflow_documents}
    numbers = range(1, max(overflows, default=0) + 1)
    parts = [document["executions"]]
    parts += [overflows[n]["executions"] if n in overflows else [] for n in numbers]
    everything = {**document, "executions": [item for part in parts for item in part]}
    record = CaseRecord.model_validate(everything)
    if CaseKey(record.machine, record.user, record.name).case_id != case_id:
        identity = f"{record.name} by {record.user} on {record.machine}"
        raise DamagedError("identity", f"case {case_id} is not {identity}, as it says")
    missing = frozenset(n for n in numbers if n not in overflows)
    return StoredCase(record, tuple(map(len, parts)), missing)


def listed_document(case: CaseRecord, case_id: str, execution: Execution) -> dict[str, Any]:
    """Return the document that lists an execution; DamagedError when its deltas are unreadable."""
    try:
        listed = list_execution(case, case_id, execution).stored()
    except (AttributeError, KeyError, TypeError) as error:
        detail = f"case {case_id}: the deltas of {execution.execution_id} cannot be read: {error!r}"
        raise DamagedError("unreadable", detail) from None
    return {"_id": listed_id(case_id, execution.execution_id), **listed}


def case_writes(
    database: Database, case_id: str, before: StoredCase | None, after: CaseRecord
) -> Iterator[Write]:
    """Yield the writes that turn one state of a case, None when it is new, into another.

    The update of the case document comes first and requires the revision of the first state.
    Executions that are the same object in both states count as unchanged.
    """
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
    for execution in _to_relist(before, after, changed):
        document = listed_document(after, case_id, execution)
        yield (
            Insert(database.executions, document)
            if before is None
            else Upsert(database.executions, document)
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
    _merge_operators(change, _array_change(_part(before, 0), executions))
    return change


def _overflow_writes(
    database: Database,
    case_id: str,
    before: StoredCase | None,
    parts: Sequence[Sequence[Execution]],
) -> Iterator[Write]:
    lengths = before.lengths if before else ()
    for number in range(1, max(len(lengths), len(parts))):
        document_id = overflow_id(case_id, number)
        if number >= len(parts):
            yield Delete(database.case_overflows, document_id)
        elif before is None or number >= len(lengths) or number in before.missing:
            if not parts[number]:
                continue  # a missing document stays missing: its executions are unknown
            executions = [execution.stored() for execution in parts[number]]
            document = {"_id": document_id, "caseId": case_id, "number": number}
            yield Upsert(database.case_overflows, {**document, "executions": executions})
        elif change := _array_change(_part(before, number), parts[number]):
            yield Update(database.case_overflows, {"_id": document_id}, change)


def _array_change(old: Sequence[Execution], new: Sequence[Execution]) -> dict[str, dict[str, Any]]:
    """Return the update of an array of executions, empty when nothing changes.

    Executions behind all stored ones are pushed, because setting the whole array would send it
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


def _merge_operators(
    change: dict[str, dict[str, Any]], other: Mapping[str, Mapping[str, Any]]
) -> None:
    for operator, fields in other.items():
        change.setdefault(operator, {}).update(fields)


def _part(case: StoredCase, number: int) -> Sequence[Execution]:
    start = sum(case.lengths[:number])
    return case.record.executions[start : start + case.lengths[number]]


def _split(before: StoredCase | None, executions: Sequence[Execution]) -> list[Sequence[Execution]]:
    """Distribute executions over documents, each filled to its limit before the next.

    Documents that are full and stay unchanged are not measured again.
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
    """Return whether there are executions again in the place of a missing overflow document."""
    after = sum(before.lengths[:number])
    known = before.record.executions[after : after + 1]
    return [e.execution_id for e in known] != [e.execution_id for e in following[:1]]


def _fill(executions: Sequence[Execution]) -> Iterator[Sequence[Execution]]:
    start = size = 0
    for number, execution in enumerate(executions):
        added = encoded_size(execution.stored())
        if number - start == MAX_EXECUTIONS or (size + added > MAX_BYTES and number > start):
            yield executions[start:number]
            start, size = number, 0
        size += added
    yield executions[start:]


def _removed(before: StoredCase | None, after: CaseRecord) -> list[str]:
    kept = {execution.execution_id for execution in after.executions}
    existing = before.record.executions if before else []
    return [e.execution_id for e in existing if e.execution_id not in kept]


def _to_relist(
    before: StoredCase | None, after: CaseRecord, changed: Sequence[Execution]
) -> list[Execution]:
    """Return the executions whose listed documents are out of date."""
    if before is None:
        return list(after.executions)
    old, new = before.record, after
    if _shared_fields(old) != _shared_fields(new):
        return list(after.executions)
    canonical = {old.canonical_execution_id, new.canonical_execution_id}
    affected = canonical if len(canonical) > 1 else set()
    ids = {id(execution) for execution in changed}
    return [e for e in after.executions if id(e) in ids or e.execution_id in affected]


def _shared_fields(case: CaseRecord) -> tuple[str | None, ...]:
    """Return the changeable fields of a case that each of its listed executions depends on."""
    return case.case_group, case.configuration_of, case.annotations.simulation_type
