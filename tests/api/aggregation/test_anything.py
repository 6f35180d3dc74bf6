"""Whatever a pipeline holds, it is refused with a place, or the server runs it or says why not."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from api.aggregation import operators
from api.aggregation.errors import PipelineError
from api.aggregation.pipeline import check_pipeline
from tests.support import mongodb_manual as manual

Json = dict[str, Any]

NAMES = sorted(
    {
        *operators.STAGES, *operators.EXPRESSIONS, *operators.CONDITIONS, *operators.LOGIC,
        *operators.ACCUMULATORS, *manual.STAGES, *manual.EXPRESSIONS, "a", "b", "_id", "input",
        "in", "as", "from", "pipeline", "newRoot", "groupBy", "$date", "$numberLong", "$expr",
    }
)  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "$a", "$a.b", "$$this", "$$ROOT", "$$NOW", "cases", "^a", "$", "1"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    ),
    max_leaves=12,
)
EXPRESSION_NAMES = st.sampled_from(sorted(operators.EXPRESSIONS))
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda name, operands: {name: operands},
        EXPRESSION_NAMES,
        inner | st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)
STAGES = st.builds(
    lambda name, content: {name: content}, st.sampled_from(sorted(operators.STAGES)), VALUES
)


@pytest.fixture(scope="module")
def collection(_server: MongoClient[Json]) -> Iterator[Any]:
    collection = _server["test_anything"]["cases"]
    collection.insert_many([{"a": 1}, {"a": {"b": [1, 2]}}, {"a": "x", "b": [[1], "y"]}])
    yield collection
    _server.drop_database("test_anything")


def run(collection: Any, pipeline: Any) -> None:
    place, code = "pipeline", 0
    try:
        list(collection.aggregate(check_pipeline(pipeline, 10), maxTimeMS=2000))
    except PipelineError as refused:
        place = refused.place
    except OperationFailure as failure:
        code = failure.code or 0
    assert place.startswith("pipeline")
    assert code not in (8, 13, 50)


@pytest.mark.slow
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pipeline=VALUES | st.lists(STAGES, max_size=3))
def test_any_pipeline(collection: Any, pipeline: Any) -> None:
    run(collection, pipeline)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(expression=EXPRESSIONS)
def test_any_expression(collection: Any, expression: Any) -> None:
    run(collection, [{"$set": {"c": expression}}])
