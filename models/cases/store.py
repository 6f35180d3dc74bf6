"""Cases in the database: reading one whole, and writing its changes atomically.

The documents of a case are written together or not at all, and only when the case is still at the
revision that was read.
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

_NEXT_REVISION: dict[str, Any] = {"$inc": {"revision": 1}}


@dataclass(frozen=True, slots=True)
class CaseRewrite(Generic[T]):
    """The new state of a case, the writes to apply with it, and the result for the caller."""

    case: CaseRecord
    result: T
    extra_writes: tuple[Write, ...] = ()


Rewriter = Callable[[CaseRecord | None], CaseRewrite[T] | None]
"""Returns the new state for the present one, which is None when the case is not recorded; or None,
to leave the case unchanged."""


async def rewrite_case(
    database: Database, case_id: str, rewrite: Rewriter[T], seconds: float
) -> T | None:
    """Change a case and return the result of `rewrite`, or None when that leaves it unchanged.

    `rewrite` runs in a thread, because it may take long, and again whenever another writer changed
    the case in the meantime; its exceptions are passed on. Raise WriteConflictError when other
    writers keep changing the case for `seconds`.

    It waits for the writers of the case in this process that came before.

        read ──> rewrite (thread) ──> write on top of the revision that was read ──> result
         ^                                 │ another writer was faster
         └─────────── backoff ─────────────┘
    """
    async with database.turns.turn(f"case {case_id}", seconds):
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
    database: Database, case_id: str, documents: CaseDocuments | None, rewrite: Rewriter[T]
) -> tuple[list[Write], T] | None:
    """Return the writes that change a case, none when it does not differ, and the result."""
    before = assemble_case(case_id, documents) if documents else None
    after = rewrite(before.record if before else None)
    if after is None:
        return None
    writes = list(case_writes(database, case_id, before, after.case))
    return [*writes, *after.extra_writes] if writes else [], after.result


async def read_case(database: Database, case_id: str) -> StoredCase | None:
    """Return a case with all its executions, None when it is not recorded.

    Its documents are found by their ids alone; no stored count is trusted. Raise DamagedError when
    they are not those of a valid case.
    """
    documents = await _read_documents(database, case_id)
    return None if documents is None else await asyncio.to_thread(assemble_case, case_id, documents)


async def _read_documents(database: Database, case_id: str) -> CaseDocuments | None:
    document = await database.cases.find_one({"_id": case_id})
    if document is None:
        return None
    overflows = await database.case_overflows.find(overflows_of(case_id))
    return CaseDocuments(document, overflows)


def overflows_of(case_id: str) -> dict[str, Any]:
    """Return the query for the overflow documents of a case, which goes by their ids alone."""
    return {"_id": {"$gt": f"{case_id}/", "$lt": f"{case_id}0"}}  # "0" comes after "/"


async def store_case(
    database: Database, case_id: str, before: StoredCase, after: CaseRecord
) -> bool:
    """Write the difference between two states of a case.

    Return False, having written nothing, when the case is no longer in the first state.
    """
    return await _store(database, list(case_writes(database, case_id, before, after)))


async def _store(database: Database, writes: Sequence[Write]) -> bool:
    """Apply the writes of a case, with the links to specs of the executions that they list."""
    if not writes:
        return True
    listed = _listed_in(database, writes)
    await fill_specs(database, listed)
    is_written = await database.write(writes)
    if is_written:
        await _resolve(database, listed)
    return is_written


async def remove_case(
    database: Database, case_id: str, case: StoredCase, extra_writes: Sequence[Write] = ()
) -> bool:
    """Remove a case and all its documents, and apply `extra_writes` with that.

    Return False, having written nothing, when another writer changed the case in the meantime.
    """
    writes: list[Write] = [
        Update(database.cases, {"_id": case_id, "revision": case.record.revision}, _NEXT_REVISION),
        Delete(database.cases, case_id),
    ]
    writes += [
        Delete(database.case_overflows, overflow_id(case_id, number))
        for number in range(1, len(case.lengths))
    ]
    listed = await database.executions.find({"caseId": case_id}, {"_id": 1})
    ids = {document["_id"] for document in listed}
    ids |= {listed_id(case_id, execution.execution_id) for execution in case.record.executions}
    writes += [Delete(database.executions, document_id) for document_id in sorted(ids)]
    return await database.write([*writes, *extra_writes])


async def relist_case(
    database: Database,
    case_id: str,
    before: StoredCase,
    after: CaseRecord,
    without: Collection[str] = (),
) -> bool:
    """Write as `store_case` does, and list all executions again except those in `without`."""
    executions = database.executions
    writes = [
        w for w in case_writes(database, case_id, before, after) if w.collection is not executions
    ]
    query = {"_id": case_id, "revision": before.record.revision}
    writes = writes or [Update(database.cases, query, _NEXT_REVISION)]
    writes += [
        Upsert(executions, listed_document(after, case_id, execution))
        for execution in after.executions
        if execution.execution_id not in without
    ]
    return await _store(database, writes)


def _listed_in(database: Database, writes: Sequence[Write]) -> list[dict[str, Any]]:
    """Return the documents of listed executions that are about to be written."""
    return [
        write.document
        for write in writes
        if isinstance(write, Insert | Upsert) and write.collection is database.executions
    ]


async def _resolve(database: Database, listed: Sequence[Mapping[str, Any]]) -> None:
    """Link those with software once more, because its specs may have been stored concurrently."""
    linked = [document["_id"] for document in listed if "specs" in document]
    await resolve_software(database, linked)
