"""Designators of elements; expected values are what gfortran reads from such namelists."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.fortran_elements import (
    UndecidedError,
    assign_in_order,
    elements_of,
    without_subscripts,
)
from ingest.cases.parsers.namelist import parse_namelist, parse_namelist_lines


@pytest.mark.parametrize(
    ("designator", "count", "elements"),
    [
        ("a(1,1)", 1, ["a(1,1)"]),
        ("a(1:2,3)", 2, ["a(1,3)", "a(2,3)"]),
        ("a(:,1)", 2, ["a(1,1)", "a(2,1)"]),
        ("a(2:,1)", 2, ["a(2,1)", "a(3,1)"]),
        ("a(1,:)", 2, ["a(1,1)", "a(1,2)"]),
        ("a(1:2,1:2)", 4, ["a(1,1)", "a(2,1)", "a(1,2)", "a(2,2)"]),
        ("a(1:2,1:2)", 3, ["a(1,1)", "a(2,1)", "a(1,2)"]),
        ("a(1:5:2)", 2, ["a(1)", "a(3)"]),
        ("a(1:2)%b", 2, ["a(1)%b", "a(2)%b"]),
        ("a(2)%b(0:1)", 2, ["a(2)%b(0)", "a(2)%b(1)"]),
        ("a(1:2,3)", 0, []),
    ],
)
def test_the_first_subscript_varies_fastest(
    designator: str, count: int, elements: list[str]
) -> None:
    assert elements_of(designator, count) == elements


@pytest.mark.parametrize(
    ("designator", "count"),
    [
        ("a", 1),
        ("a(1:2)%b(1)", 2),
        ("a(:,:)", 3),
        ("a(:,1:2)", 3),
        ("a(1,1)", 2),
        ("a(1:2,1)", 3),
        ("a(n)", 1),
    ],
)
def test_what_only_the_declaration_says_is_undecided(designator: str, count: int) -> None:
    with pytest.raises(UndecidedError):
        elements_of(designator, count)


def test_a_name_without_subscripts_is_that_of_all_its_parts() -> None:
    assert without_subscripts("a(1,2)%b(3)") == "a%b"


_Bounds = st.tuples(st.integers(1, 3), st.integers(1, 3)).map(sorted)


@given(st.lists(st.tuples(_Bounds, _Bounds), max_size=5))
def test_later_assignments_change_what_they_give(sections: list[tuple[list[int], ...]]) -> None:
    array: dict[tuple[int, int], int] = {}
    assignments, number = [], 0
    for (low, high), (left, right) in sections:
        values = []
        for column, row in product(range(left, right + 1), range(low, high + 1)):
            number += 1
            array[row, column] = number
            values.append(number)
        assignments.append((f"a({low}:{high},{left}:{right})", values))
    found = assign_in_order(assignments)
    if found is not None:
        assert found == {f"a({i},{j})": value for (i, j), value in array.items()}
    else:  # nothing was assigned twice by different names
        assert len(array) == sum(len(values) for _, values in dict(assignments).items())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a(1,1)=1 a(2,1)=2 a(1:2,1)=5,6", {"a(1,1)": 5, "a(2,1)": 6}),
        ("a(:,1)=1,2 a(1,1)=9", {"a(1,1)": 9, "a(2,1)": 2}),
        ("a(2)%b=1 a(1:2)%b=7,8", {"a(1)%b": 7, "a(2)%b": 8}),
        ("a(1:2)%b=7,8 a(1:2)%b=,9", {"a(1:2)%b": [7, 9]}),
        ("a(:,1)=1,2 a(:,2)=3,4", {"a(:,1)": [1, 2], "a(:,2)": [3, 4]}),
        ("a(1)%b=1 a(1)%c=2", {"a(1)%b": 1, "a(1)%c": 2}),
        ("a(1,2)%b=1 a(:,2)%b=5,6", {"a(1,2)%b": 5, "a(2,2)%b": 6}),
    ],
)
def test_elements_that_are_named_twice_have_their_last_value(
    text: str, values: dict[str, object]
) -> None:
    content = f"&g {text} /".encode()
    assert parse_namelist(content, "f") == {f"f.g.{name}": value for name, value in values.items()}
    found = parse_namelist_lines(content, "f")
    assert found.unknown == []


@pytest.mark.parametrize(
    "text", ["a(:,:)=1,2,3\n a(1,1)=9", "a=1,2\n a(1,1)=9", "a(:,1)=1\n a(1,1)+=2"]
)
def test_elements_that_may_be_the_same_are_reported(text: str) -> None:
    found = parse_namelist_lines(f"&g\n {text}\n/\n".encode(), "f")
    assert [line for line, _ in found.unknown] == [3]
    assert not found.value_lines
