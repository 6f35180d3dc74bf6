"""Clauses about one dependency are one question, as in Spack."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spack.clauses import ConflictError, merge_clauses
from models.spack.query import parse_query
from models.spack.version import intersect, parse_constraint, parse_version

RANGES = st.sampled_from(
    ["1:", ":2", "1:2", "=1.2", "1.2", "1.1,1.3:", "git.a", "git.a=1:2", "develop", ":", "2.1"]
)
VERSIONS = ["1.1", "1.2", "1.2.1", "2", "2.1", "3", "git.a=1.2", "git.b=1.2", "git.a", "develop"]


@given(RANGES, RANGES)
def test_an_intersection_holds_what_both_hold(one: str, other: str) -> None:
    left, right = parse_constraint(one), parse_constraint(other)
    both = intersect(left, right)
    for version in map(parse_version, VERSIONS):
        expected = left.is_satisfied_by(version) and right.is_satisfied_by(version)
        assert both.is_satisfied_by(version) == expected


def test_clauses_of_one_name_are_one_clause() -> None:
    text = "x ^y@1: +a ^[virtuals=mpi] z ^y@:2 b=c %gcc ^[deptypes=build] y ^* os=a ^* os=b %y %y@3"
    merged = merge_clauses(parse_query(text).dependencies)
    names = [(each.node.name, each.types, each.direct) for each in merged]
    assert names == [
        ("y", (), False),
        ("z", (), False),
        ("y", ("build",), False),
        (None, (), False),
        (None, (), False),
    ]
    node = merged[0].node
    assert [variant.name for variant in node.variants] == ["a", "b"]
    assert [each.node.name for each in node.dependencies] == ["gcc"]
    assert node.version is not None
    assert node.version.is_satisfied_by(parse_version("1.5"))
    assert not node.version.is_satisfied_by(parse_version("3"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x ^y@1 ^y@2", "no version of y"),
        ("x ^y+a ^y~a", r"\+a and not"),
        ("x ^y os=a ^y os=b", "different values of os"),
        ("x ^y/abc ^y/def", "different values of hash"),
    ],
)
def test_clauses_that_contradict_each_other_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConflictError, match=message):
        merge_clauses(parse_query(text).dependencies)
