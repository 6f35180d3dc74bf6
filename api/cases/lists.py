"""The lists of cases and executions, and the summaries of executions that a case shows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from fastapi import Request

from api.cases.baselines import BaselineReader, Compared
from api.cases.lookups import EXECUTION_LOOKUPS
from api.cases.views import SUMMARY_PROJECTION, case_item, changes_since, execution_item
from api.filters.parse import is_filter
from api.http.errors import bad_parameter
from api.lists.listing import Document, Item, Listing, View
from api.lists.projection import Selection
from api.lists.sorting import Order
from models.cases.baselines import CANONICAL
from models.cases.case_fields import CASES
from models.cases.execution_fields import EXECUTIONS
from models.cases.listed_execution import execution_id_of
from models.database.client import Database
from models.database.collection import Collection
from models.fields import FieldTable

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


def executions_of(case_id: str, reader: BaselineReader) -> Listing:
    """Return the list of the executions of one case, in the order of submission.

    Their differences are those that the reader finds.
    """

    def view_of(_database: Database) -> View:
        async def view(documents: Sequence[Document], selection: Selection) -> list[Item]:
            items = [execution_item(document, selection.roots) for document in documents]
            ids = [execution_id_of(document["_id"]) for document in documents]
            changes = await _changes(reader, ids)
            return [item | changes[own_id] for item, own_id in zip(items, ids, strict=True)]

        return view

    order = Order((("orderKey", 1), ("_id", 1)))
    scope = {"caseId": case_id}
    return replace(EXECUTION_LIST, view=view_of, scope=scope, default_order=order)


async def _changes(reader: BaselineReader, execution_ids: Sequence[str]) -> dict[str, Item]:
    """Return the fields of each execution that depend on the baseline."""
    if reader.baseline == CANONICAL:
        fields = {"baselineExecutionId": reader.case["canonicalExecutionId"]}
        return dict.fromkeys(execution_ids, fields)
    compared = await reader.compare(execution_ids)
    nothing = Compared(None, None)
    return {own_id: changes_since(compared.get(own_id, nothing)) for own_id in execution_ids}


def refuse_other_differences(table: FieldTable, request: Request, sort: str | None) -> None:
    """Refuse filters and an order by differences to the canonical execution.

    They would not be by the differences that the request asks to see.
    """
    names = [name for name, _ in request.query_params.multi_items() if is_filter(table, name)]
    names += [f"sort={part}" for part in (sort or "").split(",")]
    for name in names:
        field = name.removeprefix("sort=").removeprefix("-").partition("__")[0]
        if field in {"changed", "changeCount"} or field.startswith("delta."):
            detail = (
                f"{name[:100]!r} is about differences to the canonical execution. With another"
                " baseline, filter by `changedSincePrevious`, or leave out `baseline`."
            )
            raise bad_parameter(name[:100], detail)
