"""Checking that what is derived agrees with what it is derived from, and making it anew.

Of a case, the configurations, the outcomes that CaseStatus files tell and what was read of each
execution are the truth; the canonical choice, deltas, classes, counters and listed executions are
derived.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.case_store import StoredCase, read_case, relist_case, store_case
from ingest.derive import recompute
from models.case import CaseRecord
from models.database import Collection, Database
from models.listed_execution import list_execution, listed_id
from models.stored import Stored
from models.tables import Tables

_PAGE = 500
_ATTEMPTS = 20
_NOT_DERIVED = frozenset({"revision", "created_at", "updated_at", "history", "executions"})


_WITHOUT_CASE: list[dict[str, Any]] = [
    {"$group": {"_id": "$caseId"}},
    {"$lookup": {
        "from": "cases", "localField": "_id", "foreignField": "_id", "as": "case",
        "pipeline": [{"$project": {"_id": 1}}],
    }},
    {"$match": {"case": []}},
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """A derived field that is not what it should be; `document` is its `_id`."""

    collection: str
    document: str
    field: str


async def verify_cases(
    database: Database, tables: Tables, *, repair: bool = False
) -> AsyncIterator[Difference]:
    """Give all differences, case by case, having mended them if that is asked for."""
    async for case_id in _ids(database.cases):
        for difference in await _verify_case(database, case_id, tables, repair=repair):
            yield difference
    async for difference in _orphans(database, repair=repair):
        yield difference


async def _verify_case(
    database: Database, case_id: str, tables: Tables, *, repair: bool
) -> list[Difference]:
    for _ in range(_ATTEMPTS):
        before = await read_case(database, case_id)
        if before is None:
            return []
        after = recompute(before.record, tables)
        differences = list(_case_differences(case_id, before.record, after))
        listed = await _listing_differences(database, case_id, after)
        if not repair or await _repair(database, case_id, before, after, bool(listed)):
            return differences + listed
    return differences + listed


async def _repair(
    database: Database, case_id: str, before: StoredCase, after: CaseRecord, relist: bool
) -> bool:
    """Store the case as it should be; False when another writer was faster."""
    if not await store_case(database, case_id, before, after):
        return False
    if relist:
        await relist_case(database, case_id, after)
    return True


def _case_differences(case_id: str, before: CaseRecord, after: CaseRecord) -> Iterator[Difference]:
    for name in sorted(_differing(before, after)):
        yield Difference("cases", case_id, name)
    by_id = {execution.execution_id: execution for execution in before.executions}
    for execution in after.executions:
        for name in sorted(_differing(by_id[execution.execution_id], execution)):
            yield Difference("cases", case_id, f"executions.{execution.execution_id}.{name}")


def _differing(before: Stored, after: Stored) -> set[str]:
    aliases = {name: info.alias or name for name, info in type(after).model_fields.items()}
    return {
        aliases[name]
        for name in aliases.keys() - _NOT_DERIVED
        if getattr(before, name) != getattr(after, name)
    }


async def _listing_differences(
    database: Database, case_id: str, case: CaseRecord
) -> list[Difference]:
    found = await database.executions.find({"caseId": case_id})
    stored: dict[str, Mapping[str, Any]] = {document["_id"]: document for document in found}
    differences = []
    for execution in case.executions:
        own_id = listed_id(case_id, execution.execution_id)
        right = {"_id": own_id, **list_execution(case, case_id, execution).stored()}
        is_there = stored.pop(own_id, None)
        if is_there is None:
            differences.append(Difference("executions", own_id, "_id"))
        else:
            fields = sorted(name for name in right if is_there.get(name) != right[name])
            differences += [Difference("executions", own_id, field) for field in fields]
    return differences + [Difference("executions", own_id, "_id") for own_id in sorted(stored)]


async def _orphans(database: Database, *, repair: bool) -> AsyncIterator[Difference]:
    """Give the documents that belong to a case which is not there."""
    for name, collection in (
        ("executions", database.executions),
        ("caseOverflows", database.case_overflows),
    ):
        for orphan in await collection.aggregate(_WITHOUT_CASE):
            yield Difference(name, orphan["_id"], "caseId")
            if repair:
                await collection.delete({"caseId": orphan["_id"]})


async def _ids(collection: Collection) -> AsyncIterator[str]:
    after = ""
    while page := await collection.find(
        {"_id": {"$gt": after}}, {"_id": 1}, sort=[("_id", 1)], limit=_PAGE
    ):
        for document in page:
            yield document["_id"]
        after = page[-1]["_id"]
