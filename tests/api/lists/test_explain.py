"""Every documented filter and sort is a bounded walk of an index (R-24)."""

from typing import Any

import pytest

from api.filters.compile import compile_filter
from api.filters.parse import parse_filter
from api.lists.sorting import parse_order
from models.cases.execution_fields import EXECUTIONS
from models.database.client import Database
from models.database.collection import Collection
from models.database.queries import and_query
from models.resources import RESOURCES
from tests.support.plans import stages

RULES = {name: RESOURCES[name] for name in ("cases", "executions")}
FILTERS = [
    pytest.param(name, field.name, id=f"{name}-{field.name}")
    for name, table in RULES.items()
    for field in table.filterable
]
SORTS = [
    pytest.param(name, f"{sign}{field.name}", id=f"{name}{sign}{field.name}")
    for name, table in RULES.items()
    for field in table.sortable
    for sign in ("", "-")
]
LIMIT = 10


def collection(database: Database, resource: str) -> Collection:
    return database.executions if resource == "executions" else database.cases


async def assert_bounded(
    database: Database,
    resource: str,
    parameters: list[tuple[str, str]],
    sort: str | None,
    position: dict[str, Any] | None = None,
) -> None:
    table = RESOURCES[resource]
    tree = parse_filter(table, parameters)
    order = parse_order(table, sort, tree)
    query = compile_filter(table, tree)
    runs = [{}] if position is None else order.after(table, order.position(position))
    for run in runs:
        plan = await collection(database, resource).explain(
            and_query(query, run), order.keys, limit=LIMIT
        )
        winning = plan["queryPlanner"]["winningPlan"]
        found = set(stages(winning.get("queryPlan", winning)))
        statistics = plan["executionStats"]
        assert found & {"IXSCAN", "IDHACK"}, found
        assert not found & {"COLLSCAN", "SORT"}, found
        assert statistics["totalDocsExamined"] <= 2 * statistics["nReturned"] + LIMIT


def example(resource: str, name: str, documents: list[dict[str, Any]]) -> str:
    """Return a value that some documents have, else the example of the table."""
    field = RESOURCES[resource].by_name[name]
    if resource == "executions" and field.type == "text" and documents[0].get(name):
        return str(documents[0][name])
    return field.example


@pytest.mark.parametrize(("resource", "name"), FILTERS)
async def test_a_filter_is_served_by_its_index(
    made: Database, documents: list[dict[str, Any]], resource: str, name: str
) -> None:
    value = example(resource, name, documents)
    await assert_bounded(made, resource, [(name, value)], None)
    if RESOURCES[resource].by_name[name].type not in ("boolean", "list of text"):
        await assert_bounded(made, resource, [(f"{name}__gte", value)], None)


@pytest.mark.parametrize(("resource", "sort"), SORTS)
async def test_a_sort_is_served_by_its_index_on_deep_pages_too(
    made: Database, documents: list[dict[str, Any]], resource: str, sort: str
) -> None:
    await assert_bounded(made, resource, [], sort)
    if resource == "executions":
        for document in documents[:3]:
            await assert_bounded(made, resource, [], sort, document)


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param([("machine", "pm-cpu"), ("machine", "chrysalis")], id="any-of"),
        pytest.param([("lidTime__gte", "2022"), ("lidTime__lt", "2023")], id="range-of-time"),
        pytest.param([("machine", "pm-cpu"), ("lidTime__gte", "2022")], id="machine-and-time"),
        pytest.param([("compiler__startswith", "gn")], id="startswith"),
        pytest.param([("changed", "env_run.ATM_NCPL")], id="changed"),
        pytest.param([("runEndLocal__exists", "false")], id="is-null"),
        pytest.param([("timing.modelCost__exists", "true")], id="is-not-null"),
    ],
)
async def test_common_filters_are_bounded(
    made: Database, documents: list[dict[str, Any]], parameters: list[tuple[str, str]]
) -> None:
    await assert_bounded(made, "executions", parameters, None)
    tree = parse_filter(EXECUTIONS, parameters)
    query = compile_filter(EXECUTIONS, tree)
    order = parse_order(EXECUTIONS, None, tree)
    found = await made.executions.find(query, sort=order.keys, limit=20)
    if found:
        await assert_bounded(made, "executions", parameters, None, found[-1])
