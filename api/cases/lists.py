"""The lists of cases and executions, and the summaries of executions that a case shows."""

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

MAX_SUMMARIES = 10_000
"""The summaries of executions on a page of cases; a single case with more gets its own page."""

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


def _page_size(cases: Sequence[Document], selection: Selection) -> int:
    """Return how many of the cases fit on a page, at least one."""
    if "executions" not in selection.roots:
        return len(cases)
    counts = accumulate(int(case["executionCount"]) for case in cases)
    return max(1, sum(count <= MAX_SUMMARIES for count in counts))


async def read_summaries(database: Database, case_ids: Sequence[str]) -> dict[str, list[Document]]:
    """Return the documents for the summaries of executions, by case, in the order of submission."""
    query: dict[str, Any] = {"caseId": {"$in": list(case_ids)}}
    summaries: dict[str, list[Document]] = {}
    for listed in await database.executions.find(query, SUMMARY_PROJECTION, sort=_IN_CASES):
        summaries.setdefault(listed["caseId"], []).append(listed)
    return summaries


CASE_LIST = Listing(CASES, _cases, _view_cases, page_size_of=_page_size)
EXECUTION_LIST = Listing(EXECUTIONS, _executions, _view_executions, lookups=EXECUTION_LOOKUPS)


def executions_of(case_id: str) -> Listing:
    """Return the list of the executions of one case, in the order of submission."""
    order = Order((("orderKey", 1), ("_id", 1)))
    return replace(EXECUTION_LIST, scope={"caseId": case_id}, default_order=order)
