"""Every operator of MongoDB is allowed by name, or refused wherever it stands (R-19)."""

from typing import Any

import pytest
from pymongo import MongoClient

from api.aggregation import operators
from api.aggregation.pipeline import check_pipeline
from api.aggregation.queries import _CONDITIONS
from api.aggregation.special_operators import RULES
from api.aggregation.stages import _STAGES
from tests.support import mongodb_manual as manual
from tests.support.aggregation import error_of

Json = dict[str, Any]


@pytest.fixture(scope="module")
def server(_server: MongoClient[Json]) -> MongoClient[Json]:
    return _server


@pytest.fixture(scope="module")
def server_operators(server: MongoClient[Json]) -> dict[str, set[str]]:
    """What a real server knows, as it counts what is used."""
    metrics = server.admin.command("serverStatus")["metrics"]
    counters = {"stages": metrics["aggStageCounters"], **metrics["operatorCounters"]}
    return {kind: {n for n in names if "nternal" not in n} for kind, names in counters.items()}


@pytest.mark.parametrize(
    ("kind", "allowed", "refused"),
    [
        ("stages", operators.STAGES, manual.STAGES),
        ("match", operators.LOGIC | operators.CONDITIONS | {"$expr"}, manual.QUERIES),
        ("expressions", operators.EXPRESSIONS, manual.EXPRESSIONS),
        ("groupAccumulators", operators.ACCUMULATORS, manual.ACCUMULATORS),
        ("windowAccumulators", operators.ACCUMULATORS, manual.ACCUMULATORS),
    ],
)
def test_every_operator_of_the_server_is_classified(
    server_operators: dict[str, set[str]], kind: str, allowed: frozenset[str], refused: list[str]
) -> None:
    known = server_operators[kind]
    assert len(known) > 20
    private = {"$_addReshardingResumeId", "$_unpackBucket"}
    assert known - private <= allowed | set(refused)
    assert not allowed & set(refused)
    if kind in ("stages", "groupAccumulators"):
        assert allowed <= known
    if kind == "match":  # $options only stands beside $regex, and is not counted
        assert allowed - {"$options"} <= known
    if kind == "expressions":
        assert allowed <= known


def test_every_allowed_operator_has_its_rule() -> None:
    assert set(RULES) == operators.SPECIAL
    assert set(_STAGES) == operators.STAGES
    assert set(_CONDITIONS) == operators.CONDITIONS
    kinds = [operators.SCALAR, operators.COPYING, operators.SPECIAL]
    assert sum(map(len, kinds)) == len(operators.EXPRESSIONS)


@pytest.mark.parametrize("stage", manual.STAGES)
def test_other_stages_are_refused(stage: str) -> None:
    contents: list[Any] = [{}, "cases", [], {"coll": "cases"}]
    for content in contents:
        error = error_of([{"$limit": 1}, {stage: content}])
        assert error.place == f"pipeline[1].{stage}"
        assert "$match" in error.detail


NESTED_STAGES: dict[str, Any] = {
    "facet": lambda stage: [{"$facet": {"a": [{"$limit": 1}, stage]}}],
    "lookup": lambda stage: [
        {
            "$lookup": {
                "from": "cases",
                "localField": "caseId",
                "foreignField": "_id",
                "as": "a",
                "pipeline": [{"$limit": 1}, stage],
            }
        }
    ],
}


@pytest.mark.parametrize("where", NESTED_STAGES)
@pytest.mark.parametrize("stage", [*manual.STAGES, "$facet"])
def test_other_stages_are_refused_in_pipelines_inside(stage: str, where: str) -> None:
    error = error_of(NESTED_STAGES[where]({stage: {"a": []}}))
    assert error.place.endswith(f"[1].{stage}")


WHERE: dict[str, Any] = {
    "match": lambda e: [{"$match": {"$expr": e}}],
    "match-logic": lambda e: [{"$match": {"$or": [{"a": 1}, {"$nor": [{"$expr": e}]}]}}],
    "project": lambda e: [{"$project": {"a": {"b": [1, e]}}}],
    "set": lambda e: [{"$set": {"a.b": e}}],
    "group-key": lambda e: [{"$group": {"_id": {"a": e}}}],
    "group-field": lambda e: [{"$group": {"_id": None, "a": {"$sum": e}}}],
    "top": lambda e: [{"$group": {"_id": 1, "a": {"$top": {"output": e, "sortBy": {"a": 1}}}}}],
    "maxN": lambda e: [{"$group": {"_id": None, "a": {"$maxN": {"input": e, "n": 2}}}}],
    "bucket": lambda e: [{"$bucket": {"groupBy": e, "boundaries": [0, 1]}}],
    "bucket-output": lambda e: [
        {"$bucket": {"groupBy": "$a", "boundaries": [0, 1], "output": {"n": {"$sum": e}}}}
    ],
    "bucketAuto": lambda e: [{"$bucketAuto": {"groupBy": e, "buckets": 2}}],
    "sortByCount": lambda e: [{"$sortByCount": e}],
    "replaceRoot": lambda e: [{"$replaceRoot": {"newRoot": {"a": e}}}],
    "replaceWith": lambda e: [{"$replaceWith": {"a": e}}],
    "facet": lambda e: [{"$facet": {"a": [{"$set": {"a": e}}]}}],
    "lookup": lambda e: NESTED_STAGES["lookup"]({"$match": {"$expr": e}}),
    "cond-list": lambda e: [{"$set": {"a": {"$cond": [True, 1, e]}}}],
    "cond-object": lambda e: [{"$set": {"a": {"$cond": {"if": e, "then": 1, "else": 2}}}}],
    "switch": lambda e: [{"$set": {"a": {"$switch": {"branches": [{"case": e, "then": 1}]}}}}],
    "switch-default": lambda e: [
        {"$set": {"a": {"$switch": {"branches": [{"case": True, "then": 1}], "default": e}}}}
    ],
    "ifNull": lambda e: [{"$set": {"a": {"$ifNull": ["$a", e]}}}],
    "let-vars": lambda e: [{"$set": {"a": {"$let": {"vars": {"x": e}, "in": 1}}}}],
    "let-in": lambda e: [{"$set": {"a": {"$let": {"vars": {}, "in": e}}}}],
    "map-input": lambda e: [{"$set": {"a": {"$map": {"input": e, "in": 1}}}}],
    "map-in": lambda e: [{"$set": {"a": {"$map": {"input": [1], "in": e}}}}],
    "filter": lambda e: [{"$set": {"a": {"$filter": {"input": [1], "cond": e}}}}],
    "reduce": lambda e: [{"$set": {"a": {"$reduce": {"input": [], "initialValue": 0, "in": e}}}}],
    "reduce-start": lambda e: [
        {"$set": {"a": {"$reduce": {"input": [], "initialValue": e, "in": 1}}}}
    ],
    "sortArray": lambda e: [{"$set": {"a": {"$sortArray": {"input": e, "sortBy": 1}}}}],
    "getField": lambda e: [{"$set": {"a": {"$getField": {"field": "a", "input": e}}}}],
    "regexMatch": lambda e: [{"$set": {"a": {"$regexMatch": {"input": e, "regex": "a"}}}}],
    "replaceAll": lambda e: [
        {"$set": {"a": {"$replaceAll": {"input": e, "find": "a", "replacement": "b"}}}}
    ],
    "convert": lambda e: [{"$set": {"a": {"$convert": {"input": 1, "to": "int", "onError": e}}}}],
    "range-size": lambda e: [{"$set": {"a": {"$range": [0, {"$size": e}]}}}],
    "measuring": lambda e: [{"$set": {"a": {"$add": [1, {"$size": [e]}]}}}],
    "named": lambda e: [{"$set": {"a": {"$dateTrunc": {"date": e, "unit": "day"}}}}],
    "holding": lambda e: [{"$set": {"a": {"$concatArrays": [[1], [e]]}}}],
}


@pytest.mark.parametrize("where", WHERE)
def test_an_allowed_expression_passes_and_the_server_understands_it(
    server: MongoClient[Json], where: str
) -> None:
    """On no documents, a pipeline fails for its form, or for constants of the wrong type."""
    pipeline = check_pipeline(WHERE[where]({"$ifNull": ["$a", "$b"]}), 10)
    found = list(server["test_nothing"]["cases"].aggregate(pipeline))
    assert found == ([{"a": []}] if where == "facet" else [])


@pytest.mark.parametrize("where", WHERE)
def test_other_expressions_are_refused_everywhere(where: str) -> None:
    for name in manual.EXPRESSIONS:
        error = error_of(WHERE[where]({name: {"body": "while(1);", "args": [], "lang": "js"}}))
        assert error.place.endswith(name)
        assert "$concat" in error.detail


@pytest.mark.parametrize("where", WHERE)
def test_other_variables_are_refused_everywhere(where: str) -> None:
    for name in manual.VARIABLES:
        assert "variable" in error_of(WHERE[where](f"$${name}")).detail
        assert "variable" in error_of(WHERE[where](f"$${name}.roles")).detail


@pytest.mark.parametrize("name", manual.ACCUMULATORS)
def test_other_accumulators_are_refused(name: str) -> None:
    for pipeline in (
        [{"$group": {"_id": None, "a": {name: {"init": "x", "lang": "js"}}}}],
        [{"$bucketAuto": {"groupBy": "$a", "buckets": 2, "output": {"a": {name: "$a"}}}}],
    ):
        assert error_of(pipeline).place.endswith(f".a.{name}")


@pytest.mark.parametrize("name", manual.QUERIES)
def test_other_conditions_are_refused(name: str) -> None:
    for query in (
        {name: 1},
        {"a": {name: 1}},
        {"a": {"$not": {name: 1}}},
        {"a": {"$elemMatch": {name: 1}}},
        {"a": {"$elemMatch": {"b": {name: 1}}}},
        {"$and": [{"$or": [{"a": {"$ne": 1, name: 1}}]}]},
        {"a": {"$in": [{name: 1}]}},
        {"a": {"$eq": {name: 1}}},
        {"a": {"b": {name: 1}}},
    ):
        assert "pipeline[0].$match" in error_of([{"$match": query}]).place


def test_code_is_no_value() -> None:
    code: Json = {"$code": "f()", "$scope": {}}
    values: list[Json] = [{"$code": "f()"}, code, {"$binary": {}}, {"$oid": "0"}]
    for value in values:
        for pipeline in (
            [{"$match": {"a": value}}],
            [{"$set": {"a": value}}],
            [{"$set": {"a": {"$literal": value}}}],
            [{"$match": {"a": {"$in": [value]}}}],
        ):
            error_of(pipeline)


@pytest.mark.parametrize(
    "name",
    [
        "tokens",
        "system.users",
        "logs.files",
        "$cmd.aggregate",
        "edits",
        "",
        {"db": "admin", "coll": "x"},
    ],
)
def test_only_public_collections_are_joined(name: Any) -> None:
    join = {"from": name, "localField": "a", "foreignField": "b", "as": "c"}
    for pipeline in ([{"$lookup": join}], [{"$facet": {"a": [{"$lookup": join}]}}]):
        error = error_of(pipeline)
        assert error.place.endswith("$lookup.from")
        assert "caseOverflows" in error.detail


def test_the_error_names_the_place_and_what_is_allowed() -> None:
    error = error_of(
        [{"$match": {}}, {"$limit": 1}, {"$group": {"_id": 1, "total": {"$summ": "$a"}}}]
    )
    assert error.place == "pipeline[2].$group.total.$summ"
    assert "did you mean '$sum'?" in error.detail
    assert "$avg" in error.detail
