"""Random filters find what a predicate in Python finds among the same documents (R-22)."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from httpx2 import AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.filters.compile import compile_filter
from api.filters.tree import parse_tree
from api.filters.values import operators_of
from models.cases.execution_fields import EXECUTIONS
from models.fields import Field
from tests.support.execution_documents import DATES, KEYS, TEXTS

Document = Mapping[str, Any]
Predicate = Callable[[Document], bool]

TRIED = [
    "caseHash", "user", "status", "complete", "changeCount", "changed", "compiler", "gitTag",
    "simulationStart", "runStartLocal", "timing.modelCost", "timing.modelThroughput",
    "software.name", "lidTime", "caseGroup",
]  # fmt: skip
OFFERED: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [-1, 0, 1, 2],
    "real": [0.5, 1.0, -3.25, 2],
    "simulated date": [*DATES, "1900-01-01"],
    "local time": ["2022-02-01T00:00:00", "2023", "2024-02"],
    "list of text": [*KEYS, "netcdf-c", "hdf5", "env_"],
    "text": [*TEXTS, "pm-cpu", "g1"],
}


def values_at(document: Any, path: str) -> list[Any]:
    """Return the values on a path; of a list, its items."""
    found = [document]
    for part in path.split("."):
        found = [
            one.get(part) if isinstance(one, Mapping) else None
            for value in found
            for one in (value if isinstance(value, list) else [value])
        ]
    return [one for value in found for one in (value if isinstance(value, list) else [value])]


def comparable(value: Any, field: Field) -> Any:
    if field.type == "simulated date" and isinstance(value, str):
        return int(value.replace("-", "")) * 100_000
    return value


def predicate(field: Field, operator: str, given_values: list[Any]) -> Predicate:
    wanted = [comparable(value, field) for value in given_values]
    first = wanted[0]
    one: dict[str, Callable[[Any], bool]] = {
        "lt": lambda v: v < first,
        "lte": lambda v: v <= first,
        "gt": lambda v: v > first,
        "gte": lambda v: v >= first,
        "contains": lambda v: first in v,
        "startswith": lambda v: v.startswith(first),
    }

    def holds(document: Document) -> bool:
        values = values_at(document, field.stored)
        known = [value for value in values if value is not None]
        if operator == "exists":
            return bool(known) is first
        if operator in ("eq", "in", "ne"):
            found = any(value in known for value in wanted if value is not None)
            found = found or (None in wanted and not known)
            return found is not (operator == "ne")
        return any(one[operator](value) for value in known)

    return holds


@st.composite
def conditions(draw: st.DrawFn) -> tuple[dict[str, Any], Predicate]:
    field = EXECUTIONS.by_name[draw(st.sampled_from(TRIED))]
    operator = draw(st.sampled_from(operators_of(field.type)))
    offered = list(field.choices) or OFFERED[field.type]
    if operator == "exists":
        values: list[Any] = [draw(st.booleans())]
    elif operator in ("contains", "startswith"):
        values = [draw(st.sampled_from([v for v in offered if v]))]
    elif operator in ("eq", "ne", "in"):
        nullable = offered if field.type == "list of text" else [*offered, None]
        values = draw(st.lists(st.sampled_from(nullable), min_size=1, max_size=3))
    else:
        values = [draw(st.sampled_from(offered))]
    value = values if operator in ("eq", "ne", "in") else values[0]
    node = {"field": field.name, "op": operator, "value": value}
    return node, predicate(field, operator, values)


@st.composite
def deltas(draw: st.DrawFn) -> tuple[dict[str, Any], Predicate]:
    key = draw(st.sampled_from(KEYS))
    number = draw(st.sampled_from([5, 0.14]))
    node = {"field": f"delta.{key}", "op": "eq", "value": number}

    def holds(document: Document) -> bool:
        if key not in document["changed"]:
            return False
        (current,) = (values_at(document, f"runConfigDeltas.{key}.current") or [None])[:1]
        return current in (number, str(number)) and not isinstance(current, bool)

    return node, holds


def combined(
    children: st.SearchStrategy[tuple[dict[str, Any], Predicate]],
) -> st.SearchStrategy[tuple[dict[str, Any], Predicate]]:
    several = st.lists(children, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda cs: ({"and": [n for n, _ in cs]}, lambda d: all(p(d) for _, p in cs))),
        several.map(lambda cs: ({"or": [n for n, _ in cs]}, lambda d: any(p(d) for _, p in cs))),
        children.map(lambda c: ({"not": c[0]}, lambda d: not c[1](d))),
    )


trees = st.recursive(st.one_of(conditions(), deltas()), combined, max_leaves=6)


async def ids_found(client: AsyncClient, node: dict[str, Any]) -> set[str]:
    answer = await client.post(
        "/api/v1/query?limit=1000&fields=executionId", content=orjson.dumps(node)
    )
    assert answer.status_code == 200, answer.text
    return {item["executionId"] for item in answer.json()["items"]}


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=trees)
async def test_a_tree_finds_what_the_predicate_finds(
    made_client: AsyncClient,
    documents: list[dict[str, Any]],
    tree: tuple[dict[str, Any], Predicate],
) -> None:
    node, holds = tree
    expected = {document["executionId"] for document in documents if holds(document)}
    assert await ids_found(made_client, node) == expected


ALLOWED = {
    "$and", "$or", "$nor", "$in", "$nin", "$ne", "$eq", "$not", "$lt", "$lte", "$gt", "$gte",
    "$regex",
}  # fmt: skip


def operators_in(query: Any) -> set[str]:
    if isinstance(query, list):
        return {operator for one in query for operator in operators_in(one)}
    if not isinstance(query, dict):
        return set()
    own = {name for name in query if name.startswith("$")}
    return own | {operator for value in query.values() for operator in operators_in(value)}


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(tree=trees)
def test_a_query_has_no_other_operators_than_these(
    tree: tuple[dict[str, Any], Predicate],
) -> None:
    query = compile_filter(EXECUTIONS, parse_tree(EXECUTIONS, tree[0]))
    assert operators_in(query) <= ALLOWED


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    several=st.lists(
        conditions(), min_size=1, max_size=3, unique_by=lambda c: (c[0]["field"], c[0]["op"])
    )
)
async def test_parameters_find_what_all_their_predicates_find(
    made_client: AsyncClient,
    documents: list[dict[str, Any]],
    several: list[tuple[dict[str, Any], Predicate]],
) -> None:
    parameters: list[tuple[str, str]] = []
    holding: list[Predicate] = []
    for node, holds in several:
        values = node["value"] if isinstance(node["value"], list) else [node["value"]]
        if None in values or (node["op"] == "in" and any("," in str(value) for value in values)):
            continue
        parameters += [(f"{node['field']}__{node['op']}", _text(value)) for value in values]
        holding.append(holds)
    expected = {d["executionId"] for d in documents if all(holds(d) for holds in holding)}
    answer = await made_client.get("/api/v1/executions", params=[*parameters, ("limit", "1000")])
    assert answer.status_code == 200, answer.text
    assert {item["executionId"] for item in answer.json()["items"]} == expected


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
