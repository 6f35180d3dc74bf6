"""Verification of cases: whether derived data agrees with its origin, and recomputing it.

    authoritative    the configurations, the outcomes that CaseStatus files report, and what was
                     read of each execution
    derived          the canonical choice, deltas, classes, counters and listed executions

Damage to authoritative data is reported and left unchanged: nothing is derived from it.
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
from models.version import READER_VERSION

_PAGE = 500
_MAX_ATTEMPTS = 20
_NOT_DERIVED = frozenset({"revision", "created_at", "updated_at", "history", "executions"})
_WITHOUT_CASE: list[dict[str, Any]] = [
    {"$lookup": {
        "from": "cases", "localField": "caseId", "foreignField": "_id", "as": "case",
        "pipeline": [{"$project": {"_id": 1}}],
    }},
    {"$match": {"case": []}},
    {"$project": {"caseId": 1}},
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _CaseCheck:
    """The result of the check of a case.

    `after` is the case as it should be. `lost` are the ids of executions with damaged deltas, which
    are not listed again. `strays` are the `_id`s of listed executions that do not belong to the
    case.
    """

    after: CaseRecord
    differences: list[Difference]
    lost: frozenset[str]
    strays: list[str]
    needs_relisting: bool


async def verify_cases(
    database: Database, rules: DeltaRules, *, repair: bool = False
) -> AsyncIterator[Difference]:
    """Yield all differences, case by case; with `repair`, correct those that can be corrected."""
    async for case_id in _ids(database.cases):
        try:
            differences = await _verify_case(database, case_id, rules, repair=repair)
        except DamagedError as error:
            kind = cast(Kind, error.kind)
            field = "configuration" if kind == "lost" else "_id"
            differences = [Difference("cases", case_id, field, kind, str(error))]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            detail = f"case {case_id}: {error!r}"
            differences = [Difference("cases", case_id, "_id", "unreadable", detail)]
        for difference in differences:
            yield difference
    async for difference in _orphans(database, repair=repair):
        yield difference


async def _verify_case(
    database: Database, case_id: str, rules: DeltaRules, *, repair: bool
) -> list[Difference]:
    """Return the differences of a case; the repair is repeated when other writers are faster."""
    differences: list[Difference] = []
    for _ in range(_MAX_ATTEMPTS):
        before = await read_case(database, case_id)
        if before is None:
            return []
        listed = await database.executions.find({"caseId": case_id})
        check = _check(case_id, before, {document["_id"]: document for document in listed}, rules)
        overflows = await _overflow_differences(database, case_id, before)
        computed = await _computed_differences(database, case_id, before.record)
        differences = check.differences + computed + overflows
        if not repair or await _repair(database, case_id, before, check):
            if repair:
                await _repair_computed(database, computed, before.record)
                await _repair_overflows(database, overflows)
            break
    return differences


def _check(
    case_id: str, before: StoredCase, listed: Mapping[str, Mapping[str, Any]], rules: DeltaRules
) -> _CaseCheck:
    """Compute how a case should be, and its differences from that."""
    case = restate(before.record)
    lost, strays = _not_in_case(case_id, case, listed)
    base_id = case.configuration_of
    # Without the execution of the base configuration, nothing else can be checked.
    if base_id is not None and listed_id(case_id, base_id) in {item.document for item in lost}:
        return _CaseCheck(before.record, lost, frozenset(), [], needs_relisting=False)
    configurations = Configurations(case, rules)
    damaged = dict(restore_configurations(case, case_id, configurations, listed))
    lost += [
        Difference("cases", case_id, f"executions.{execution_id}.configuration", "lost", reason)
        for execution_id, reason in damaged.items()
    ]
    after = recompute(case, rules, configurations=configurations)
    listing = list(_listing_differences(case_id, after, listed, damaged))
    listing += [Difference("executions", document_id, "_id") for document_id in strays]
    differences = [*_case_differences(case_id, before.record, after), *listing, *lost]
    differences += _outdated(case_id, after)
    return _CaseCheck(after, differences, frozenset(damaged), strays, needs_relisting=bool(listing))


def _outdated(case_id: str, case: CaseRecord) -> Iterator[Difference]:
    """Yield the executions whose files an earlier version has read."""
    for execution in case.executions:
        if execution.reader < READER_VERSION and execution.ingestion_id:
            detail = f"an earlier version has read it; import it again from {execution.source_path}"
            field = f"executions.{execution.execution_id}.reader"
            yield Difference("cases", case_id, field, "outdated", detail)


def _not_in_case(
    case_id: str, case: CaseRecord, listed: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Difference], list[str]]:
    """Return the listed executions that the case has lost, and the ids of strays."""
    existing = {listed_id(case_id, execution.execution_id) for execution in case.executions}
    lost, strays = [], []
    for document_id in sorted(listed.keys() - existing):
        if document_id == listed_id(case_id, str(listed[document_id].get("executionId"))):
            detail = "it is listed, but its case no longer has it"
            lost.append(Difference("executions", document_id, "_id", "lost", detail))
        else:
            strays.append(document_id)
    return lost, strays


async def _repair(database: Database, case_id: str, before: StoredCase, check: _CaseCheck) -> bool:
    """Store the case as it should be; return False when another writer was faster."""
    if check.needs_relisting:
        is_stored = await relist_case(database, case_id, before, check.after, check.lost)
    else:
        is_stored = await store_case(database, case_id, before, check.after)
    if is_stored and check.strays:
        await database.executions.delete({"_id": {"$in": check.strays}})
    return is_stored


def _case_differences(case_id: str, before: CaseRecord, after: CaseRecord) -> Iterator[Difference]:
    for name in sorted(_different_fields(before, after)):
        yield Difference("cases", case_id, name)
    by_id = {execution.execution_id: execution for execution in before.executions}
    for execution in after.executions:
        for name in sorted(_different_fields(by_id[execution.execution_id], execution)):
            yield Difference("cases", case_id, f"executions.{execution.execution_id}.{name}")
    order = [execution.execution_id for execution in before.executions]
    if order != [execution.execution_id for execution in after.executions]:
        yield Difference("cases", case_id, "executions")


def _different_fields(before: Stored, after: Stored) -> set[str]:
    """Return the stored names of the derived fields that differ."""
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
    damaged: Mapping[str, str],
) -> Iterator[Difference]:
    """Yield the differences of the listed executions, except of those with damaged deltas."""
    for execution in case.executions:
        if execution.execution_id in damaged:
            continue
        expected = listed_document(case, case_id, execution)
        document_id = expected["_id"]
        stored = listed.get(document_id)
        if stored is None:
            yield Difference("executions", document_id, "_id")
        else:
            for field in sorted(name for name in expected if stored.get(name) != expected[name]):
                yield Difference("executions", document_id, field)


async def _computed_differences(
    database: Database, case_id: str, case: CaseRecord
) -> list[Difference]:
    """Return the differences of the fields that are computed when a case is stored."""
    expected = _computed_fields(case)
    query, projection = {"_id": case_id}, dict.fromkeys(expected, 1)
    stored = await database.cases.find_one(query, projection) or expected
    wrong = sorted(name for name in expected if stored.get(name) != expected[name])
    return [Difference("cases", case_id, name) for name in wrong]


def _computed_fields(case: CaseRecord) -> dict[str, Any]:
    return case.model_dump(by_alias=True, include=set(CaseRecord.model_computed_fields))


async def _repair_computed(
    database: Database, differences: list[Difference], case: CaseRecord
) -> None:
    for item in differences:
        await database.cases.update({"_id": item.document}, {"$set": _computed_fields(case)})


async def _overflow_differences(
    database: Database, case_id: str, case: StoredCase
) -> list[Difference]:
    """Return the overflow documents that are missing, or whose fields contradict their ids."""
    detail = "an overflow document is missing, although a later one exists"
    differences = [
        Difference("caseOverflows", overflow_id(case_id, number), "_id", "lost", detail)
        for number in sorted(case.missing)
    ]
    documents = await database.case_overflows.find(
        overflows_of(case_id), {"caseId": 1, "number": 1}, sort=[("_id", 1)]
    )
    for document in documents:
        expected = _overflow_fields(document["_id"])
        wrong = sorted(name for name in expected if document.get(name) != expected[name])
        differences += [Difference("caseOverflows", document["_id"], name) for name in wrong]
    return differences


def _overflow_fields(document_id: str) -> dict[str, Any]:
    case_id, _, number = document_id.rpartition("/")
    return {"caseId": case_id, "number": int(number)}


async def _repair_overflows(database: Database, differences: list[Difference]) -> None:
    for document_id in {item.document for item in differences if item.kind == "derived"}:
        change = {"$set": _overflow_fields(document_id)}
        await database.case_overflows.update({"_id": document_id}, change)


async def _orphans(database: Database, *, repair: bool) -> AsyncIterator[Difference]:
    """Yield the documents whose `caseId` names no case.

    They are lost, and left unchanged. When the `_id` names an existing case, only the field is
    wrong, and the repair of that case corrects it.
    """
    for name, collection in (
        ("executions", database.executions),
        ("caseOverflows", database.case_overflows),
    ):
        for orphan in await collection.aggregate(_WITHOUT_CASE):
            document_id = orphan["_id"]
            case_id = str(document_id).partition("/")[0]
            if case_id == orphan.get("caseId"):
                yield Difference(name, document_id, "caseId", "lost", "its case does not exist")
            elif await database.cases.find_one({"_id": case_id}, {"_id": 1}) is None:
                detail = "it belongs to no existing case"
                yield Difference(name, document_id, "caseId", "lost", detail)
            elif name == "executions" and not repair:
                yield Difference(name, document_id, "caseId")


async def _ids(collection: Collection) -> AsyncIterator[str]:
    """Yield all ids in sorted order, reading them page by page."""
    after = ""
    while page := await collection.find(
        {"_id": {"$gt": after}}, {"_id": 1}, sort=[("_id", 1)], limit=_PAGE
    ):
        for document in page:
            yield document["_id"]
        after = page[-1]["_id"]
