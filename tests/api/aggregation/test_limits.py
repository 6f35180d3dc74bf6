"""Sizes, patterns and growth: what would run for long, or fill the memory, is refused before."""

from typing import Any

import pytest

from api.aggregation.pipeline import check_pipeline
from tests.support.aggregation import error_of


def loop(items: Any, inner: Any, name: str = "x") -> dict[str, Any]:
    return {"$map": {"input": items, "as": name, "in": inner}}


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"$not": [value]}
    return value


LONG = "x" * 4097
JOIN = {"from": "cases", "localField": "caseId", "foreignField": "_id", "as": "case"}
DOUBLED = {"$concatArrays": ["$a", "$a"]}


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param({}, id="no-list"),
        pytest.param("x", id="text"),
        pytest.param([[]], id="list-as-a-stage"),
        pytest.param([{}], id="empty-stage"),
        pytest.param([{"$limit": 1, "$skip": 1}], id="two-operators"),
        pytest.param([{"$limit": 1}] * 21, id="21-stages"),
        pytest.param([{"$facet": {"a": [{"$limit": 1}] * 20}}], id="20-stages-in-one"),
        pytest.param([{"$set": {"a": deep(16)}}], id="deep"),
        pytest.param([{"$match": {"a": {"$in": list(range(10_001))}}}], id="many-values"),
        pytest.param([{"$set": {"a": [{"$not": [1]}] * 501}}], id="many-operators"),
        pytest.param([{"$match": {"a": LONG}}], id="long-text"),
        pytest.param([{"$match": {LONG: 1}}], id="long-name"),
        pytest.param([{"$match": {"a": "\ud800"}}], id="surrogate"),
        pytest.param([{"$match": {"a\0": 1}}], id="nul-in-a-name"),
        pytest.param([{"$limit": 0}], id="limit-0"),
        pytest.param([{"$limit": True}], id="limit-true"),
        pytest.param([{"$limit": "$n"}], id="limit-path"),
        pytest.param([{"$skip": -1}], id="skip-negative"),
        pytest.param([{"$sort": {}}], id="sort-nothing"),
        pytest.param([{"$sort": {"a": {"$meta": "textScore"}}}], id="sort-meta"),
        pytest.param([{"$sort": {"$a": 1}}], id="sort-operator"),
        pytest.param([{"$count": "$a"}], id="count"),
        pytest.param([{"$unwind": "$$ROOT"}], id="unwind-variable"),
        pytest.param([{"$unwind": {"path": "$a", "x": 1}}], id="unwind-unknown"),
        pytest.param([{"$unset": ["$a"]}], id="unset"),
        pytest.param([{"$project": {"a": {"$elemMatch": {}}}}], id="projection-of-find"),
        pytest.param([{"$bucket": {"groupBy": 1, "boundaries": [0, "$a"]}}], id="boundary-path"),
        pytest.param([{"$bucketAuto": {"groupBy": 1, "buckets": 1001}}], id="many-buckets"),
        pytest.param([{"$group": {"a": {"$sum": 1}}}], id="group-without-id"),
        pytest.param([{"$group": {"_id": 1, "a": {"$push": 1, "$sum": 1}}}], id="two-accumulators"),
        pytest.param([{"$lookup": JOIN | {"let": {}}}], id="lookup-let"),
        pytest.param([{"$lookup": {"from": "cases", "pipeline": [], "as": "a"}}], id="no-equality"),
        pytest.param([{"$lookup": JOIN | {"pipeline": [{"$lookup": JOIN}]}}], id="lookup-twice"),
        pytest.param([{"$facet": {"a": [{"$facet": {}}]}}], id="facet-in-facet"),
        pytest.param([{"$set": {"a": "$$x"}}], id="unknown-variable"),
        pytest.param([{"$set": {"a": {"$add": [1], "b": 2}}}], id="operator-and-field"),
        pytest.param([{"$set": {"a": {"$getField": "$b"}}}], id="computed-field-name"),
        pytest.param([{"$set": {"a": {"$convert": {"input": 1, "to": "objectId"}}}}], id="oid"),
        pytest.param([{"$set": {"a": {"$map": {"input": [], "in": 1, "x": 1}}}}], id="map-unknown"),
        pytest.param([{"$set": {"a": loop([], 1, "ROOT")}}], id="variable-name"),
        pytest.param([{"$set": {"a": {"$range": [0, 501]}}}], id="range"),
        pytest.param([{"$set": {"a": {"$range": [0, "$n"]}}}], id="range-path"),
        pytest.param([{"$set": {"a": {"$range": [0, {"$add": ["$n", 1]}]}}}], id="range-computed"),
        pytest.param([{"$set": {"a": {"$range": [0, 5, 0]}}}], id="range-without-step"),
        pytest.param([{"$set": {"a": loop([], loop([], loop([], 1)))}}], id="three-loops"),
        pytest.param([{"$set": {"a": loop("$a", loop("$a", "$b"))}}], id="field-in-two-loops"),
        pytest.param([{"$set": {"a": loop("$a", loop("$$x", "$$ROOT", "y"))}}], id="root-in-two"),
        pytest.param([{"$set": {"a": DOUBLED}}] * 20, id="doubled-by-stages"),
        pytest.param([{"$set": {"a": ["$a"] * 65}}], id="copied-often"),
        pytest.param([{"$project": {"a": {"b": "$a", "c": "$a"}}}] * 7, id="shared-copies"),
        pytest.param([{"$set": {"a": [{"$getField": "a"}] * 65}}], id="copied-by-get-field"),
        pytest.param(
            [{"$set": {"a": {"$let": {"vars": {"b": DOUBLED}, "in": ["$$b"] * 33}}}}], id="let"
        ),
        pytest.param(
            [
                {
                    "$set": {
                        "a": {
                            "$reduce": {
                                "input": {"$range": [0, 40]},
                                "initialValue": [1],
                                "in": {"$concatArrays": ["$$value", "$$value"]},
                            }
                        }
                    }
                }
            ],
            id="doubled-by-reduce",
        ),
        pytest.param([{"$set": {"a": loop("$a", ["$b"] * 5)}}], id="fan-out"),
        pytest.param(
            [{"$set": {"a": loop("$a", {"$let": {"vars": {"o": "$$x"},
             "in": loop([1], ["$$o"] * 5)}})}}],
            id="an-outer-item-under-the-same-name",
        ),
        pytest.param(
            [
                {"$group": {"_id": None, "all": {"$push": "$a"}}},
                {"$set": {"n": {"$filter": {"input": "$all", "cond": {"$in": ["$$this", "$all"]}}}}},  # noqa: E501
            ],
            id="square-of-what-is-gathered",
        ),
        pytest.param(
            [
                {"$facet": {"a": [{"$limit": 5}]}},
                {"$set": {"a": {"$reduce": {"input": "$a", "initialValue": [],
                 "in": {"$concatArrays": ["$$value", "$$this"]}}}}},
            ],
            id="list-of-what-is-gathered",
        ),
        pytest.param(
            [{"$set": {"a": {"$trim": {"input": "$a", "chars": "$b"}}}}], id="any-to-trim"
        ),
        pytest.param(
            [{"$set": {"a": {"$ltrim": {"input": "$a", "chars": "x" * 65}}}}], id="many-to-trim"
        ),
        pytest.param([{"$set": {"a": {"$zip": {"inputs": [["$a"]] * 17}}}}], id="many-lists"),
        pytest.param([{"$set": {"a": {"$zip": {"inputs": "$a"}}}}], id="lists-of-a-document"),
    ],
)  # fmt: skip
def test_is_refused(pipeline: Any) -> None:
    error = error_of(pipeline)
    assert error.place.startswith("pipeline")
    assert error.detail.endswith(".")


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param([], id="nothing"),
        pytest.param([{"$limit": 1}] * 20, id="20-stages"),
        pytest.param([{"$match": {"a": {"$in": list(range(9_990))}}}], id="many-values"),
        pytest.param([{"$project": {"a": 1, "b.c": True, "_id": 0}}], id="projection"),
        pytest.param([{"$set": {"a": loop("$a", {"$add": ["$$x", "$b"]})}}], id="field-in-a-loop"),
        pytest.param([{"$set": {"a": loop("$a", loop("$$x.b", "$$y", "y"))}}], id="two-loops"),
        pytest.param([{"$set": {"a": loop("$a", "$name")}}], id="a-name-in-each"),
        pytest.param([{"$lookup": JOIN}, {"$unwind": "$case"}], id="lookup"),
        pytest.param([{"$lookup": JOIN | {"pipeline": [{"$project": {"a": 1}}]}}], id="inner"),
        pytest.param([{"$set": {"a": {"$range": [0, {"$size": "$a"}]}}}], id="range-of-a-list"),
        pytest.param(
            [
                {"$group": {"_id": None, "all": {"$push": "$a"}}},
                {"$set": {"n": {"$filter": {"input": "$all", "cond": {"$gt": ["$$this", 1]}}}}},
            ],
            id="filter-of-what-is-gathered",
        ),
        pytest.param(
            [{"$set": {"a": {"$reduce": {"input": "$a", "initialValue": [],
             "in": {"$setUnion": ["$$value", "$$this.b"]}}}}}],
            id="lists-in-one",
        ),
        pytest.param([{"$project": {f"f{i}": f"$f{i}" for i in range(100)}}] * 5, id="renaming"),
        pytest.param([{"$set": {"a": {"$trim": {"input": "$a", "chars": "/ "}}}}], id="trim"),
        pytest.param([{"$set": {"a": {"$rtrim": {"input": "$a"}}}}], id="blanks"),
        pytest.param(
            [{"$set": {"a": {"$zip": {"inputs": ["$a", "$b"], "useLongestLength": True}}}}],
            id="two-lists",
        ),
    ],
)  # fmt: skip
def test_passes(pipeline: Any) -> None:
    *stages, limit, _ = check_pipeline(pipeline, 7)
    assert [set(stage) for stage in stages] == [set(stage) for stage in pipeline]
    assert limit == {"$limit": 7}


@pytest.mark.parametrize(
    ("pattern", "is_allowed"),
    [
        ("v3", True), ("^v3\\.LR", True), ("_0101$", True), ("^a\\$b$", True), ("a b-c#é", True),
        ("", False), ("$", False), ("a.b", False), ("a*", False), ("(a+)+$", False), ("a|b", False),
        ("[ab]", False), ("a{2}", False), ("\\d", False), ("a\\", False), ("a^b", False),
        ("a$b", False), ("(?i)a", False), ("x" * 257, False), ("a\0", False), (5, False),
        ({"$literal": "a"}, False), ("$field", False), ({"$concat": ["(a+)+", "$"]}, False),
    ],
)  # fmt: skip
def test_a_pattern_is_a_text(pattern: Any, is_allowed: bool) -> None:
    for pipeline in (
        [{"$match": {"a": {"$regex": pattern}}}],
        [{"$match": {"a": {"$not": {"$regex": pattern, "$options": "i"}}}}],
        [{"$set": {"a": {"$regexMatch": {"input": "$a", "regex": pattern, "options": "i"}}}}],
    ):
        if is_allowed:
            check_pipeline(pipeline, 1)
        else:
            assert "a pattern is a literal text" in error_of(pipeline).detail


def test_options_of_patterns() -> None:
    error_of([{"$match": {"a": {"$regex": "a", "$options": "x"}}}])
    error_of([{"$match": {"a": {"$options": "i"}}}])
    error_of([{"$match": {"a": {"$in": [{"$regex": "a"}]}}}])
    error_of([{"$match": {"a": {"$regularExpression": {"pattern": "a", "options": ""}}}}])
