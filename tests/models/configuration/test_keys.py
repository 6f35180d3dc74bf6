"""Delta keys hold any name, and give it back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.configuration.keys import escape_name, flatten, join_key, nest, unescape_name

ODD = [".", "$", "\\", "\0", "\u2024", "\uff04", "e", "0", "", "canonical", "class", "\\e", "a.b"]
names = st.one_of(
    st.sampled_from(ODD),
    st.lists(st.sampled_from(ODD), max_size=4).map("".join),
    st.text(max_size=8),
)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        pytest.param("STOP_N", "STOP_N", id="plain"),
        pytest.param("case.run", "case\u2024run", id="dot"),
        pytest.param("$HOME", "\uff04HOME", id="dollar"),
        pytest.param("", "\\e", id="empty"),
        pytest.param("\\e", "\\\\e", id="what the empty name becomes"),
        pytest.param("\u2024", "\\\u2024", id="what a dot becomes"),
        pytest.param("\uff04", "\\\uff04", id="what a dollar becomes"),
        pytest.param("a\0b", "a\\0b", id="null"),
    ],
)
def test_a_name_becomes_one_part_of_a_key(name: str, part: str) -> None:
    assert escape_name(name) == part


@given(names)
def test_an_escaped_name_is_given_back(name: str) -> None:
    assert unescape_name(escape_name(name)) == name


@given(names)
def test_mongodb_takes_an_escaped_name_as_one_field(name: str) -> None:
    part = escape_name(name)
    assert part
    assert not {".", "$", "\0"} & set(part)


@given(names, names)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (escape_name(one) == escape_name(other)) == (one == other)


@given(st.lists(names, min_size=1, max_size=4))
def test_the_names_of_a_key_are_given_back(path: list[str]) -> None:
    assert [unescape_name(part) for part in join_key(*path).split(".")] == path


def test_a_lone_backslash_at_the_end_is_dropped() -> None:
    assert unescape_name("a\\") == "a"


def is_without_prefixes(flat: dict[str, Any]) -> bool:
    parents = {key[:i] for key in flat for i, char in enumerate(key) if char == "."}
    return not parents & flat.keys()


values = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.integers()))
keys = st.lists(names, min_size=1, max_size=3).map(lambda path: join_key(*path))
configurations = st.dictionaries(keys, values, max_size=8).filter(is_without_prefixes)


@pytest.mark.slow
@given(configurations)
def test_a_nested_configuration_is_flattened_again(flat: dict[str, Any]) -> None:
    assert flatten(nest(flat)) == flat


@pytest.mark.slow
@given(configurations)
def test_a_nested_configuration_does_not_depend_on_the_order_of_keys(flat: dict[str, Any]) -> None:
    backwards = dict(reversed(flat.items()))
    assert repr(nest(backwards)) == repr(nest(flat))


def test_nesting_follows_the_dots() -> None:
    assert nest({"a.b.c": 1, "a.d": [2], "e": None}) == {
        "a": {"b": {"c": 1}, "d": [2]},
        "e": None,
    }


def test_nesting_leaves_what_it_is_given_alone() -> None:
    flat = {"a": {"canonical": 1}, "a.b": {"canonical": 2}}
    nest(flat)
    assert flat == {"a": {"canonical": 1}, "a.b": {"canonical": 2}}


def test_flattening_sorts_by_key() -> None:
    assert list(flatten({"b": 1, "a": {"z": 2, "c": 3}})) == ["a.c", "a.z", "b"]
