"""Cases in the database: reading one whole, and writing what has changed of it, atomically.

Its documents are written together or not at all, and only on top of the revision that was read.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from models.cases.case import CaseRecord
from models.cases.documents import (
    CaseDocuments,
    StoredCase,
    assemble_case,
    case_writes,
    listed_document,
)
from models.cases.listed_execution import listed_id
from models.cases.overflow import overflow_id
from models.database.client import Database
from models.database.retry import Backoff
from models.database.writes import Delete, Insert, Update, Upsert, Write
from models.errors import WriteConflictError
from models.software.links import fill_specs, resolve_software

T = TypeVar("T")

_MARKED: dict[str, Any] = {"$inc": {"revision": 1}}


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
    backoff = Backoff(seconds)
    while await backoff.wait():
        documents = await _read_documents(database, case_id)
        prepared = await asyncio.to_thread(_prepare, database, case_id, documents, rewrite)
        if prepared is None:
            return None
        writes, result = prepared
        if await _store(database, writes):
            return result
    raise WriteConflictError(f"case {case_id}: others kept writing it; try again")


def _prepare(
    database: Database, case_id: str, documents: CaseDocuments | None, rewrite: Rewrite[T]
) -> tuple[list[Write], T] | None:
    """Return the writes that change a case, none when it is right as it is."""
    before = assemble_case(case_id, documents) if documents else None
    after = rewrite(before.record if before else None)
    if after is None:
        return None
    writes = list(case_writes(database, case_id, before, after.case))
    return [*writes, *after.also] if writes else [], after.result


async def read_case(database: Database, case_id: str) -> StoredCase | None:
    """Return a case with all its executions, None when it is not recorded.

    What belongs to it follows from ids alone: no count is trusted. DamagedError when the
    documents are not what a case can be.
    """
    documents = await _read_documents(database, case_id)
    return None if documents is None else await asyncio.to_thread(assemble_case, case_id, documents)


async def _read_documents(database: Database, case_id: str) -> CaseDocuments | None:
    document = await database.cases.find_one({"_id": case_id})
    if document is None:
        return None
    found = await database.case_overflows.find(overflows_of(case_id))
    return CaseDocuments(document, found)


def overflows_of(case_id: str) -> dict[str, Any]:
    """Return the query for the overflow documents of a case, which is by their ids alone."""
    return {"_id": {"$gt": f"{case_id}/", "$lt": f"{case_id}0"}}  # "0" comes after "/"


async def store_case(
    database: Database, case_id: str, before: StoredCase, after: CaseRecord
) -> bool:
    """Write the difference between two states of a case; False when the first is out of date."""
    return await _store(database, list(case_writes(database, case_id, before, after)))


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
        w for w in case_writes(database, case_id, before, after) if w.collection is not executions
    ]
    revision = before.record.revision
    writes = writes or [Update(database.cases, {"_id": case_id, "revision": revision}, _MARKED)]
    writes += [
        Upsert(executions, listed_document(after, case_id, execution))
        for execution in after.executions
        if execution.execution_id not in without
    ]
    return await _store(database, writes)


def _listed_in(database: Database, writes: Sequence[Write]) -> list[dict[str, Any]]:
    """Return the listed executions that are about to be written."""
    return [
        write.document
        for write in writes
        if isinstance(write, Insert | Upsert) and write.collection is database.executions
    ]


async def _resolve(database: Database, listed: Sequence[Mapping[str, Any]]) -> None:
    """Link those that name software once more: its specs may have come at the same time."""
    await resolve_software(database, [each["_id"] for each in listed if "specs" in each])
