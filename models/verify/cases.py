"""Checking that what is derived agrees with what it is derived from, and making it anew.

Of a case, the configurations, the outcomes that CaseStatus files tell and what was read of each
execution are the truth; the canonical choice, deltas, classes, counters and listed executions are
derived. Damage to the truth is told and left as it is: nothing is made of it.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from models.base import Stored
from models.cases.case import CaseRecord
from models.cases.configurations import Configurations
from models.cases.derived import recompute, restate
from models.cases.documents import StoredCase, listed_document
from models.cases.listed_execution import listed_id
from models.cases.overflow import overflow_id
from models.cases.store import overflows_of, read_case, relist_case, store_case
from models.configuration.rules import DeltaRules
from models.database.client import Database
from models.database.collection import Collection
from models.errors import DamagedError
from models.verify.configurations import restore_configurations
from models.verify.difference import Difference, Kind

_PAGE = 500
_ATTEMPTS = 20
_NOT_DERIVED = frozenset({"revision", "created_at", "updated_at", "history", "executions"})
_BY_CASE: list[dict[str, Any]] = [
    {"$lookup": {
        "from": "cases", "localField": "caseId", "foreignField": "_id", "as": "case",
        "pipeline": [{"$project": {"_id": 1}}],
    }},
    {"$match": {"case": []}},
    {"$project": {"caseId": 1}},
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Checked:
    """A case as it should be; `left` are executions whose damage is left, `strays` listed ids."""

    after: CaseRecord
    differences: list[Difference]
    left: frozenset[str]
    strays: list[str]
    is_to_relist: bool


async def verify_cases(
    database: Database, rules: DeltaRules, *, repair: bool = False
) -> AsyncIterator[Difference]:
    """Give all differences, case by case, having mended what can be if that is asked for."""
    async for case_id in _ids(database.cases):
        try:
            differences = await _verify_case(database, case_id, rules, repair=repair)
        except DamagedError as error:
            kind = cast(Kind, error.kind)
            field = "configuration" if kind == "lost" else "_id"
            differences = [Difference("cases", case_id, field, kind, str(error))]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            told = f"case {case_id}: {error!r}"
            differences = [Difference("cases", case_id, "_id", "unreadable", told)]
        for difference in differences:
            yield difference
    async for difference in _orphans(database, repair=repair):
        yield difference


async def _verify_case(
    database: Database, case_id: str, rules: DeltaRules, *, repair: bool
) -> list[Difference]:
    differences: list[Difference] = []
    for _ in range(_ATTEMPTS):
        before = await read_case(database, case_id)
        if before is None:
            return []
        found = await database.executions.find({"caseId": case_id})
        checked = _check(case_id, before, {each["_id"]: each for each in found}, rules)
        overflows = await _overflow_differences(database, case_id, before)
        computed = await _computed_differences(database, case_id, before.record)
        differences = checked.differences + computed + overflows
        if not repair or await _repair(database, case_id, before, checked):
            if repair:
                await _mend_computed(database, computed, before.record)
                await _mend_overflows(database, overflows)
            break
    return differences


def _check(
    case_id: str, before: StoredCase, listed: Mapping[str, Mapping[str, Any]], rules: DeltaRules
) -> _Checked:
    """Say how a case should be, and how it differs from that."""
    case = restate(before.record)
    lost, strays = _not_in_case(case_id, case, listed)
    base_id = case.configuration_of
    if base_id is not None and listed_id(case_id, base_id) in {each.document for each in lost}:
        return _Checked(before.record, lost, frozenset(), [], is_to_relist=False)
    configurations = Configurations(case, rules)
    gone = dict(restore_configurations(case, case_id, configurations, listed))
    lost += [
        Difference("cases", case_id, f"executions.{own_id}.configuration", "lost", reason)
        for own_id, reason in gone.items()
    ]
    after = recompute(case, rules, configurations=configurations)
    listing = list(_listing_differences(case_id, after, listed, gone))
    listing += [Difference("executions", own_id, "_id") for own_id in strays]
    differences = [*_case_differences(case_id, before.record, after), *listing, *lost]
    return _Checked(after, differences, frozenset(gone), strays, is_to_relist=bool(listing))


def _not_in_case(
    case_id: str, case: CaseRecord, listed: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Difference], list[str]]:
    """Return the listed executions that the case has lost, and those that are none of its own."""
    there = {listed_id(case_id, execution.execution_id) for execution in case.executions}
    lost, strays = [], []
    for own_id in sorted(listed.keys() - there):
        if own_id == listed_id(case_id, str(listed[own_id].get("executionId"))):
            detail = "it is listed, but its case does not have it any more"
            lost.append(Difference("executions", own_id, "_id", "lost", detail))
        else:
            strays.append(own_id)
    return lost, strays


async def _repair(database: Database, case_id: str, before: StoredCase, checked: _Checked) -> bool:
    """Store the case as it should be; False when another writer was faster."""
    if checked.is_to_relist:
        is_stored = await relist_case(database, case_id, before, checked.after, checked.left)
    else:
        is_stored = await store_case(database, case_id, before, checked.after)
    if is_stored and checked.strays:
        await database.executions.delete({"_id": {"$in": checked.strays}})
    return is_stored


def _case_differences(case_id: str, before: CaseRecord, after: CaseRecord) -> Iterator[Difference]:
    for name in sorted(_differing(before, after)):
        yield Difference("cases", case_id, name)
    by_id = {execution.execution_id: execution for execution in before.executions}
    for execution in after.executions:
        for name in sorted(_differing(by_id[execution.execution_id], execution)):
            yield Difference("cases", case_id, f"executions.{execution.execution_id}.{name}")
    order = [execution.execution_id for execution in before.executions]
    if order != [execution.execution_id for execution in after.executions]:
        yield Difference("cases", case_id, "executions")


def _differing(before: Stored, after: Stored) -> set[str]:
    aliases = {name: info.alias or name for name, info in type(after).model_fields.items()}
    return {
        aliases[name]
        for name in aliases.keys() - _NOT_DERIVED
        if getattr(before, name) != getattr(after, name)
    }


def _listing_differences(
    case_id: str,
    case: CaseRecord,
    listed: Mapping[str, Mapping[str, Any]],
    left: Mapping[str, str],
) -> Iterator[Difference]:
    for execution in case.executions:
        if execution.execution_id in left:
            continue
        right = listed_document(case, case_id, execution)
        own_id = right["_id"]
        is_there = listed.get(own_id)
        if is_there is None:
            yield Difference("executions", own_id, "_id")
        else:
            for field in sorted(name for name in right if is_there.get(name) != right[name]):
                yield Difference("executions", own_id, field)


async def _computed_differences(
    database: Database, case_id: str, case: CaseRecord
) -> list[Difference]:
    """Say which fields are wrong that a case only has where it is stored."""
    right = _computed_fields(case)
    stored = await database.cases.find_one({"_id": case_id}, dict.fromkeys(right, 1)) or right
    wrong = sorted(name for name in right if stored.get(name) != right[name])
    return [Difference("cases", case_id, name) for name in wrong]


def _computed_fields(case: CaseRecord) -> dict[str, Any]:
    return case.model_dump(by_alias=True, include=set(CaseRecord.model_computed_fields))


async def _mend_computed(
    database: Database, differences: list[Difference], case: CaseRecord
) -> None:
    for each in differences:
        await database.cases.update({"_id": each.document}, {"$set": _computed_fields(case)})


async def _overflow_differences(
    database: Database, case_id: str, case: StoredCase
) -> list[Difference]:
    """Say which overflow documents are missing, or do not say what their ids do."""
    detail = "an overflow document is not there, though a later one is"
    differences = [
        Difference("caseOverflows", overflow_id(case_id, number), "_id", "lost", detail)
        for number in sorted(case.missing)
    ]
    found = await database.case_overflows.find(
        overflows_of(case_id), {"caseId": 1, "number": 1}, sort=[("_id", 1)]
    )
    for each in found:
        right = _overflow_fields(each["_id"])
        wrong = sorted(name for name in right if each.get(name) != right[name])
        differences += [Difference("caseOverflows", each["_id"], name) for name in wrong]
    return differences


def _overflow_fields(own_id: str) -> dict[str, Any]:
    case_id, _, number = own_id.rpartition("/")
    return {"caseId": case_id, "number": int(number)}


async def _mend_overflows(database: Database, differences: list[Difference]) -> None:
    for own_id in {each.document for each in differences if each.kind == "derived"}:
        await database.case_overflows.update({"_id": own_id}, {"$set": _overflow_fields(own_id)})


async def _orphans(database: Database, *, repair: bool) -> AsyncIterator[Difference]:
    """Give the documents of cases that are not there; what was of a case once is lost, and left."""
    for name, collection in (
        ("executions", database.executions),
        ("caseOverflows", database.case_overflows),
    ):
        for orphan in await collection.aggregate(_BY_CASE):
            own_id = orphan["_id"]
            own_case = str(own_id).partition("/")[0]
            if own_case == orphan.get("caseId"):
                yield Difference(name, own_id, "caseId", "lost", "its case is not there")
            elif await database.cases.find_one({"_id": own_case}, {"_id": 1}) is None:
                yield Difference(name, own_id, "caseId", "lost", "it is of no case that is there")
            elif name == "executions" and not repair:
                yield Difference(name, own_id, "caseId")


async def _ids(collection: Collection) -> AsyncIterator[str]:
    after = ""
    while page := await collection.find(
        {"_id": {"$gt": after}}, {"_id": 1}, sort=[("_id", 1)], limit=_PAGE
    ):
        for document in page:
            yield document["_id"]
        after = page[-1]["_id"]
