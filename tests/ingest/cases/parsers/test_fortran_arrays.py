"""Assignments to arrays, against a model of Fortran's rule for them."""

import re
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.fortran_arrays import split_name
from ingest.cases.parsers.namelist import parse_namelist

Elements = dict[int, int]
Assignment = tuple[str, int, int, list[int | None]]
NAME = re.compile(r"a(?:\((?P<first>-?\d+)(?::-?\d+)?\))?")


@st.composite
def assignments(draw: st.DrawFn) -> Assignment:
    """A name, the first subscript and the step, and values that fit; some are null."""
    values = draw(st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=5))
    first, step = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    last = first + (len(values) - 1) * step + draw(st.integers(0, step - 1))
    forms = {
        "a": (1, 1), f"a({first})": (first, 1), f"a({first}:)": (first, 1), "a(:)": (1, 1),
        f"a({first}:{last}:{step})": (first, step), f"a({first}::{step})": (first, step),
    }  # fmt: skip
    name = draw(st.sampled_from(sorted(forms)))
    return (name, *forms[name], values)


def written(values: list[int | None], *, with_repeats: bool) -> str:
    """The values as a list; with repeats, each sequence of equal ones is written as one."""
    if not with_repeats:
        return ",".join("" if value is None else str(value) for value in values) + ","
    parts: list[tuple[int | None, int]] = []
    for value in values:
        times = parts.pop()[1] if parts and parts[-1][0] == value else 0
        parts.append((value, times + 1))
    return ", ".join(f"{times}*{'' if value is None else value}" for value, times in parts)


def elements(values: dict[str, Any]) -> Elements:
    """The values that are not null, by subscript."""
    found: Elements = {}
    for key, value in values.items():
        match = NAME.fullmatch(key.removeprefix("x_in.g."))
        assert match is not None
        items = value if isinstance(value, list) else [value]
        numbered = {
            number: item
            for number, item in enumerate(items, int(match["first"] or 1))
            if item is not None
        }
        assert not found.keys() & numbered.keys()
        found |= numbered
    return found


@given(st.lists(assignments(), min_size=1, max_size=6), st.booleans())
def test_an_assignment_sets_its_elements_and_leaves_the_others(
    made: list[Assignment], with_repeats: bool
) -> None:
    expected: Elements = {}
    for _, first, step, values in made:
        given_values = zip(count(first, step), values, strict=False)
        expected |= {number: value for number, value in given_values if value is not None}
    lines = (
        f" {made_to} = {written(values, with_repeats=with_repeats)}" for made_to, *_, values in made
    )
    text = "&g\n" + "\n".join(lines) + "\n/\n"
    assert elements(parse_namelist(text.encode(), "x_in")) == expected


@given(st.lists(st.tuples(st.integers(-3, 6), st.integers(0, 9)), min_size=1, max_size=8))
def test_elements_are_the_same_with_any_lower_bound(made: list[tuple[int, int]]) -> None:
    text = "&g " + " ".join(f"a({number}) = {value}" for number, value in made) + " /"
    assert elements(parse_namelist(text.encode(), "x_in")) == dict(made)


def test_only_sections_of_one_dimension_are_parts_of_an_array() -> None:
    for name in ("a", "a(1,2)", "a()", "a(1)(2:3)", "a(1)%b", "a(1:2:0)", "a(x)", "a(1)@g"):
        assert split_name(name) == (name, None)
    array, section = split_name("a%b(2:8:3)")
    assert array == "a%b"
    assert section is not None
    assert section.has_room([1, 2, 3])
    assert not section.has_room([1, 2, 3, 4])
