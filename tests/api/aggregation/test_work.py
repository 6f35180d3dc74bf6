"""A pipeline makes a bounded amount of work within one document, whatever it contains."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.aggregation.errors import PipelineError
from api.aggregation.pipeline import check_pipeline
from api.aggregation.work import MAX_UNITS, place_of_excess
from models.database.client import Database
from models.errors import AggregationError, DocumentTooLargeError
from tests.support.databases import NewDatabase

MAX_SECONDS = 5.0
"""Ten times what the dearest of these pipelines takes; without bounds they take minutes."""

LONG = "a" * 4096
LIST = ["a"] * 2000


def loop(items: Any, inner: Any, name: str = "x") -> dict[str, Any]:
    return {"$sum": {"$map": {"input": items, "as": name, "in": inner}}}


def let(value: Any, inner: Any) -> dict[str, Any]:
    return {"$let": {"vars": {"v": value}, "in": inner}}


def project(value: Any) -> list[dict[str, Any]]:
    return [{"$project": {"r": value}}]


SEARCH = {"$indexOfCP": [{"$concat": ["$$y", LONG]}, "b"]}
JOINED = {
    "$reduce": {"input": "$texts", "initialValue": "", "in": {"$concat": ["$$value", "$$this"]}}
}

DEAR: dict[str, Any] = {
    "literal lists": project(let(LIST, loop("$$v", loop("$$v", SEARCH, "y")))),
    "constants": project(loop({"$literal": LIST}, loop({"$literal": LIST}, SEARCH, "y"))),
    "lists of the document": project(loop("$list", loop("$list", {"$add": ["$$x", "$$y"]}, "y"))),
    "pieces of a text": project(
        let({"$split": ["$text", "b"]}, loop("$$v", loop("$$v", {"$strLenCP": "$$y"}, "y")))
    ),
    "a text in each round": project(loop("$list", {"$indexOfCP": ["$text", "zz"]})),
    "a text in each round of a known loop": project(
        loop(LIST, {"$strLenCP": {"$toUpper": "$text"}})
    ),
    "a list in each round": project(loop("$list", {"$size": {"$setUnion": ["$texts", "$list"]}})),
    "filters in a loop": project(
        loop("$list", {"$size": {"$filter": {"input": "$list", "cond": {"$gt": ["$$this", 5]}}}})
    ),
    "a filter in a filter": project(
        {"$size": {"$filter": {"input": "$objects", "as": "x", "cond": {"$gt": [
            {"$size": {"$filter": {"input": "$objects", "as": "y",
                                   "cond": {"$eq": ["$$y.a", "$$x.a"]}}}}, 1]}}}}
    ),
    "a text that grows": project({"$strLenCP": JOINED}),
    "a reduction in a loop": project(
        loop("$list", {"$reduce": {"input": "$list", "initialValue": 0,
                                   "in": {"$add": ["$$value", "$$this"]}}})
    ),
    "many loops": project([loop("$list", loop("$$x.b", "$$y", "y"))] * 40
                          + [loop("$list", {"$add": ["$$x"] * 10})] * 40),
    "many sets": project([{"$size": {"$setUnion": ["$texts", "$objects"]}}] * 150),
    "a filter of documents": [{"$match": {"$expr": {"$gt": [
        loop("$list", loop("$list", {"$add": ["$$x", "$$y"]}, "y")), 0]}}}],
    "a group": [{"$group": {"_id": loop("$list", {"$indexOfCP": ["$text", "zz"]})}}],
    "a lookup": [{"$lookup": {"from": "cases", "localField": "_id", "foreignField": "_id",
                              "as": "l", "pipeline": project(
                                  loop("$list", loop("$list", {"$add": ["$$x", "$$y"]}, "y")))}}],
    "a facet": [{"$facet": {"f": project(loop("$list", loop("$list", {"$add": ["$$x", "$$y"]},
                                                            "y")))}}],
    "the largest item so far": project({"$reduce": {
        "input": "$objects", "initialValue": {"t": "$text"},
        "in": {"$cond": [{"$lt": [{"$indexOfCP": ["$$value.t", "zz"]}, 0]}, "$$value", "$$this"]},
    }}),
    "every value": [{"$match": {"list": {"$all": list(range(9000))}}}],
}  # fmt: skip
"""Each would run for more than the time that a pipeline has, on the document of these tests."""


@pytest.fixture(scope="module")
async def big(new_database: NewDatabase) -> AsyncIterator[Database]:
    """One document with long lists and a long text, and one like a case of many executions."""
    async with new_database("test_work") as database:
        numbers = list(range(20_000))
        await database.cases.insert(
            {
                "_id": "big",
                "name": "big",
                "list": numbers,
                "texts": [f"w{number:06}" for number in numbers],
                "text": "ab" * 500_000,
                "objects": [{"a": number, "b": {"c": number}} for number in numbers],
            }
        )
        await database.cases.insert(_case(5000))
        yield database


def _case(number: int) -> dict[str, Any]:
    delta = {f"env_run.{i}": {"canonical": "12", "current": str(i)} for i in range(12)}
    executions = [
        {
            "executionId": f"{i}.260101-000000",
            "status": "success" if i % 3 else "failed",
            "timing": {"sypd": i / 7, "wallSeconds": i * 3},
            "compiler": "gnu",
            "delta": delta,
        }
        for i in range(number)
    ]
    canonical = {"canonicalExecutionId": "0.260101-000000"}
    return {"_id": "case", "name": "case", **canonical, "executions": executions}


async def run(database: Database, pipeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [document async for document in database.cases.stream_aggregate(pipeline, seconds=300)]


@pytest.mark.slow
@pytest.mark.parametrize("name", DEAR)
async def test_too_much_work_is_refused(big: Database, name: str) -> None:
    begin = {"$match": {"_id": "big"}}
    start = time.monotonic()
    place = await _refused_at(big, [begin, *DEAR[name]])
    assert place.startswith("pipeline[")
    assert time.monotonic() - start < MAX_SECONDS


async def _refused_at(database: Database, pipeline: list[dict[str, Any]]) -> str:
    """Return the place that is refused before it runs, or while it does."""
    try:
        await run(database, check_pipeline(pipeline, 10))
    except PipelineError as error:
        return error.place
    except DocumentTooLargeError:
        return "pipeline[]"
    except AggregationError as error:
        return place_of_excess(str(error)) or str(error)
    raise AssertionError("it was not refused")


OF_EACH = {"$map": {"input": "$executions", "in": {"id": "$$this.executionId"}}}
FAILED = {"$size": {"$filter": {"input": "$executions", "as": "e",
                                "cond": {"$and": [{"$eq": ["$$e.status", "failed"]},
                                                  {"$gt": ["$$e.timing.sypd", 3]}]}}}}  # fmt: skip
CANONICAL = {"$filter": {"input": "$executions", "cond": {
    "$eq": ["$$this.executionId", "$canonicalExecutionId"]}}}  # fmt: skip
CHANGED = {"$map": {"input": "$executions", "as": "e", "in": {"$map": {
    "input": {"$objectToArray": "$$e.delta"}, "as": "d", "in": "$$d.k"}}}}  # fmt: skip
FASTEST = {"$reduce": {"input": "$executions", "initialValue": {"timing": {"sypd": 0}},
                       "in": {"$cond": [{"$gt": ["$$this.timing.sypd", "$$value.timing.sypd"]},
                                        "$$this", "$$value"]}}}  # fmt: skip
SECONDS = {"$reduce": {"input": "$executions", "initialValue": 0,
                       "in": {"$add": ["$$value", "$$this.timing.wallSeconds"]}}}  # fmt: skip
KEYS = {"$reduce": {"input": {"$slice": [CHANGED, 40]}, "initialValue": [],
                    "in": {"$setUnion": ["$$value", "$$this"]}}}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "value", [OF_EACH, FAILED, CANONICAL, CHANGED, FASTEST, SECONDS, KEYS, {"$size": "$executions"}]
)
async def test_questions_about_a_case_of_5000_executions_are_answered(
    big: Database, value: Any
) -> None:
    begin = {"$match": {"_id": "case"}}
    (plain,) = [
        document
        async for document in big.cases.stream_aggregate([begin, *project(value)], seconds=300)
    ]
    assert await run(big, check_pipeline([begin, *project(value)], 10)) == [plain]


def test_the_share_is_of_all_loops() -> None:
    one = check_pipeline(project(loop("$list", 1)), 1)
    two = check_pipeline(project([loop("$list", 1), loop("$list", 1)]), 1)
    assert str(float(MAX_UNITS)) in str(one)
    assert str(MAX_UNITS / 2) in str(two)


def test_a_client_cannot_name_the_variables_of_a_guard() -> None:
    with pytest.raises(PipelineError, match="lower-case letter"):
        check_pipeline(project(loop("$list", 1, "λlength1")), 1)


REPLACEMENT = {"find": "b", "replacement": "ccccc"}
_VARIABLES = st.sampled_from(["x", "y", "this"])


@st.composite
def lists(draw: st.DrawFn, depth: int, bound: tuple[str, ...] = ()) -> Any:
    """Expressions that give lists; `bound` are the variables that can be read."""
    leaves = ["$list", "$texts", "$objects", "$objects.b.c", LIST, {"$range": [0, 500]}]
    kind = draw(st.integers(0, 9)) if depth else 9
    one, inner = lists(max(0, depth - 1), bound), draw(_VARIABLES)
    if kind == 0:
        return {draw(st.sampled_from(["$setUnion", "$concatArrays"])): [draw(one), draw(one)]}
    if kind == 1:
        return {"$split": [_text(draw(texts(depth - 1, bound))), "b"]}
    if kind <= 4:
        body = st.one_of(texts(depth - 1, (*bound, inner)), lists(depth - 1, (*bound, inner)))
        return {"$map": {"input": draw(one), "as": inner, "in": draw(body)}}
    if kind == 5:
        condition = {"$gt": [draw(texts(depth - 1, (*bound, inner))), "b"]}
        return {"$filter": {"input": draw(one), "as": inner, "cond": condition}}
    if kind == 6:
        body = draw(lists(depth - 1, (*bound, "this")))
        grown = draw(st.sampled_from([body, {"$concatArrays": ["$$value", body]}]))
        return {"$reduce": {"input": draw(one), "initialValue": [], "in": grown}}
    if kind == 7:
        return let(draw(one), draw(lists(depth - 1, (*bound, "v"))))
    if kind == 8:
        return {"$sortArray": {"input": draw(one), "sortBy": -1}}
    return draw(st.sampled_from(leaves))


@st.composite
def texts(draw: st.DrawFn, depth: int, bound: tuple[str, ...] = ()) -> Any:
    """Expressions that give texts or numbers, or whatever a variable has."""
    leaves = ["$text", LONG, 7, *(f"$${name}" for name in bound)]
    kind = draw(st.integers(0, 7)) if depth else 7
    one = texts(max(0, depth - 1), bound)
    if kind == 0:
        return {"$concat": [_text(draw(one)), _text(draw(one))]}
    if kind == 1:
        return {draw(st.sampled_from(["$toUpper", "$toLower"])): _text(draw(one))}
    if kind == 2:
        return {"$replaceAll": REPLACEMENT | {"input": _text(draw(one))}}
    if kind == 3:
        return {"$indexOfCP": [_text(draw(one)), _text(draw(one))]}
    if kind == 4:
        return {"$size": draw(lists(depth - 1, bound))}
    if kind == 5:
        body = {"$concat": ["$$value", _text(draw(texts(depth - 1, (*bound, "this"))))]}
        return {"$reduce": {"input": draw(lists(depth - 1, bound)), "initialValue": "", "in": body}}
    if kind == 6:
        return {"$max": draw(lists(depth - 1, bound))}
    return draw(st.sampled_from(leaves))


def _text(value: Any) -> Any:
    """Return an expression for the value as a text, whatever it is."""
    return {"$convert": {"input": value, "to": "string", "onError": LONG, "onNull": ""}}


EXPRESSIONS = st.one_of(lists(4), texts(4))


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expression=EXPRESSIONS)
async def test_any_pipeline_ends_soon(big: Database, expression: Any) -> None:
    try:
        pipeline = check_pipeline([{"$match": {"_id": "big"}}, *project({"$type": expression})], 10)
    except PipelineError:
        return
    start = time.monotonic()
    try:
        await run(big, pipeline)
    except (AggregationError, DocumentTooLargeError):
        pass
    assert time.monotonic() - start < MAX_SECONDS
