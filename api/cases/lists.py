"""Lists of executions, and the executions that cases show, from the collection `executions`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from api.cases.lookups import EXECUTION_LOOKUPS
from api.cases.views import SUMMARY_PROJECTION, case_item, execution_item
from api.lists.listing import Document, Item, Listing, View
from api.lists.projection import Selection
from api.lists.sorting import Order
from models.cases.case_fields import CASES
from models.cases.execution_fields import EXECUTIONS
from models.database.client import Database
from models.database.collection import Collection

MOST_SUMMARIES = 10_000
"""So many summaries of executions a page of cases holds; one case may have more by itself."""

_IN_CASES = [("caseId", 1), ("orderKey", 1)]


def _executions(database: Database) -> Collection:
    return database.executions


def _cases(database: Database) -> Collection:
    return database.cases


def _view_executions(_database: Database) -> View:
    async def view(documents: Sequence[Document], selection: Selection) -> list[Item]:
        return [execution_item(document, selection.roots) for document in documents]

    return view


def _view_cases(database: Database) -> View:
    async def view(documents: Sequence[Document], selection: Selection) -> list[Item]:
        summaries: Mapping[str, list[Document]] = {}
        if "executions" in selection.roots:
            summaries = await read_summaries(database, [case["_id"] for case in documents])
        return [
            case_item(case, summaries.get(case["_id"], ()), selection.roots) for case in documents
        ]

    return view


def _fitting_cases(cases: Sequence[Document], selection: Selection) -> int:
    if "executions" not in selection.roots:
        return len(cases)
    counts = accumulate(int(case["executionCount"]) for case in cases)
    return max(1, sum(count <= MOST_SUMMARIES for count in counts))


async def read_summaries(database: Database, case_ids: Sequence[str]) -> dict[str, list[Document]]:
    """Return what the summaries of the executions need, by case, in order of submission."""
    query: dict[str, Any] = {"caseId": {"$in": list(case_ids)}}
    found: dict[str, list[Document]] = {}
    for listed in await database.executions.find(query, SUMMARY_PROJECTION, sort=_IN_CASES):
        found.setdefault(listed["caseId"], []).append(listed)
    return found


CASE_LIST = Listing(CASES, _cases, _view_cases, fitting=_fitting_cases)
EXECUTION_LIST = Listing(EXECUTIONS, _executions, _view_executions, lookups=EXECUTION_LOOKUPS)


def executions_of(case_id: str) -> Listing:
    """Return the list of the executions of one case, in order of submission."""
    order = Order((("orderKey", 1), ("_id", 1)))
    return replace(EXECUTION_LIST, scope={"caseId": case_id}, own_order=order)
