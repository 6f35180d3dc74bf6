"""A delta says what differs in meaning, and leads from one configuration to the other."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.configuration.delta import apply_delta, diff, flatten_delta, is_same_value, nest_delta
from models.configuration.keys import join_key
from models.configuration.metadata import VARIABLE_FIELDS

ENTRY = {"canonical": 1, "current": 2}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("a", "a", id="text"),
        pytest.param(1, "1", id="integer and text"),
        pytest.param(1, 1.0, id="integer and real"),
        pytest.param("1", 1.0, id="text and real"),
        pytest.param(True, "TRUE", id="logical and text"),
        pytest.param("FALSE", False, id="text and logical"),
        pytest.param(None, None, id="unset"),
        pytest.param([1, "2"], ["1", 2.0], id="lists"),
        pytest.param(0.0, -0.0, id="zeros"),
        pytest.param(10**16, 1e16, id="large integer and real"),
        pytest.param([2**62], [2.0**62], id="large in a list"),
        pytest.param(0.1, "0.1", id="fraction and text"),
    ],
)
def test_values_of_the_same_meaning_are_the_same(left: Any, right: Any) -> None:
    assert is_same_value(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("a", "A", id="case of letters"),
        pytest.param("a", "a ", id="blank"),
        pytest.param(1, True, id="one and true"),
        pytest.param(0, False, id="zero and false"),
        pytest.param(None, "", id="unset and empty"),
        pytest.param(None, "None", id="unset and its name"),
        pytest.param([1], 1, id="list and value"),
        pytest.param([1, 2], [2, 1], id="order in a list"),
        pytest.param([1], [True], id="one and true in a list"),
        pytest.param(2**53, 2**53 + 1, id="large integers"),
        pytest.param(2**53 + 1, 2.0**53, id="large integer and the nearest real"),
        pytest.param(10**16 + 1, 1e16, id="large integer and real"),
        pytest.param(1e300, float("inf"), id="infinite"),
        pytest.param(1.5, 1, id="fraction"),
    ],
)
def test_values_of_another_meaning_are_not_the_same(left: Any, right: Any) -> None:
    assert not is_same_value(left, right)
    assert not is_same_value(right, left)


def test_a_changed_value_is_told_with_both_sides() -> None:
    assert diff({"a.b": 1, "c": 2}, {"a.b": 3, "c": 2}) == {"a.b": {"canonical": 1, "current": 3}}


def test_an_absent_variable_is_told_apart_from_an_unset_one() -> None:
    assert diff({"a": None, "b": 1}, {"b": None, "c": None}) == {
        "a": {"canonical": None, "current": None, "absent": "current"},
        "b": {"canonical": 1, "current": None},
        "c": {"canonical": None, "current": None, "absent": "canonical"},
    }


def test_a_metadata_field_speaks_for_its_variable() -> None:
    one = {"env_build.COMPILER": "intel", "compiler": "intel"}
    other = {"env_build.COMPILER": "gnu", "compiler": "gnu"}
    assert list(diff(one, other)) == ["compiler"]


@pytest.mark.parametrize("unset", [pytest.param(None, id="null"), pytest.param("", id="empty")])
def test_a_variable_that_is_not_set_on_one_side_stands_for_itself(unset: str | None) -> None:
    one = {"env_build.COMPILER": unset, "compiler": "from README"}
    other = {"env_build.COMPILER": "gnu", "compiler": "gnu"}
    assert list(diff(one, other)) == ["compiler", "env_build.COMPILER"]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        pytest.param(["a", "b"], ["b", "c"], {"added": ["c"], "removed": ["a"]}, id="both"),
        pytest.param(["a"], ["a", "b"], {"added": ["b"]}, id="longer"),
        pytest.param(["a", "a", "b"], ["a", "b"], {"removed": ["a"]}, id="one of two"),
        pytest.param(["a", "b"], ["b", "a"], {}, id="in another order"),
        pytest.param(["a", "b"], "a", {"removed": ["b"]}, id="to one value"),
        pytest.param("b", ["a", "b"], {"added": ["a"]}, id="from one value"),
        pytest.param([1, True], ["1", 2.0], {"added": [2.0], "removed": [True]}, id="by meaning"),
        pytest.param([1, True, 2.0], ["x", "1", "TRUE", 2], {"added": ["x"]}, id="of other types"),
    ],
)
def test_the_entry_of_a_list_tells_which_values_came_and_went(
    before: Any, after: Any, changes: dict[str, Any]
) -> None:
    assert diff({"a": before}, {"a": after}) == {
        "a": {"canonical": before, "current": after} | changes
    }


def test_nothing_is_said_of_files_that_could_not_be_read() -> None:
    one = {"atm_in.g.a": 1, "lnd_in.g.a": 1, "ice_in.g.a": 1}
    other = {"atm_in.g.a": 2, "lnd_in.g.a": 2}
    assert list(diff(one, other, ["atm_in", "ice_in"])) == ["lnd_in.g.a"]


def test_keys_of_a_delta_are_sorted() -> None:
    assert list(diff({"b": 1, "a": 1}, {"c": 1})) == ["a", "b", "c"]


def test_the_delta_of_a_field_restores_its_variable() -> None:
    base = {"env_run.RUN_TYPE": "hybrid", "initialization_type": "hybrid"}
    delta = {"initialization_type": {"canonical": "hybrid", "current": "branch"}}
    restored = apply_delta(base, delta)
    assert restored == {"env_run.RUN_TYPE": "branch", "initialization_type": "branch"}


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, "1", "TRUE", "", "a"]),
    st.lists(st.integers(0, 2), max_size=2),
)
NAMES = ["a", "b", "canonical", "current", "class", "absent", ".", "$x", ""]
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3)
keys = st.one_of(
    st.sampled_from([*VARIABLE_FIELDS, *VARIABLE_FIELDS.values()]),
    paths.map(lambda path: join_key(*path)),
)


def with_fields_of_variables(configuration: dict[str, Any]) -> dict[str, Any]:
    """Make it such as `assemble` makes it: a field has the value of its variable."""
    told = {
        field: str(configuration[variable])
        for variable, field in VARIABLE_FIELDS.items()
        if configuration.get(variable) not in (None, "")
    }
    variables = {v: told[f] for v, f in VARIABLE_FIELDS.items() if f in told}
    return configuration | told | variables


configurations = st.dictionaries(keys, values, max_size=10).map(with_fields_of_variables)


def same_meaning(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return left.keys() == right.keys() and all(is_same_value(left[key], right[key]) for key in left)


@pytest.mark.slow
@given(configurations)
def test_a_configuration_does_not_differ_from_itself(one: dict[str, Any]) -> None:
    assert diff(one, one) == {}


@given(configurations, configurations)
def test_applying_a_delta_gives_the_other_configuration(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert same_meaning(apply_delta(one, diff(one, other)), other)


@given(configurations, configurations)
def test_a_delta_survives_storage(one: dict[str, Any], other: dict[str, Any]) -> None:
    delta = diff(one, other)
    assert flatten_delta(nest_delta(delta)) == delta


@pytest.mark.slow
@given(configurations, configurations)
def test_a_delta_is_empty_only_if_the_meaning_is_the_same(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert (diff(one, other) == {}) == same_meaning(one, other)


@pytest.mark.slow
@given(configurations, configurations)
def test_a_delta_turns_round(one: dict[str, Any], other: dict[str, Any]) -> None:
    there, back = diff(one, other), diff(other, one)
    assert {key: (e["current"], e["canonical"]) for key, e in there.items()} == {
        key: (e["canonical"], e["current"]) for key, e in back.items()
    }


@given(configurations, configurations)
def test_applying_a_delta_leaves_the_canonical_side_alone(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    before = dict(one)
    apply_delta(one, diff(one, other))
    assert one == before


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(("a", "a.b"), id="a key before one below it"),
        pytest.param(("a.b", "a.b.c", "a"), id="three in a line"),
        *(
            pytest.param((join_key("a"), join_key("a", name)), id=f"below it is {name}")
            for name in ("canonical", "current", "class", "absent")
        ),
        pytest.param(("a.\\e", "a"), id="below it is nothing"),
    ],
)
def test_a_key_that_begins_another_survives_storage(keys: tuple[str, ...]) -> None:
    delta = {key: {"canonical": key, "current": None, "class": "science"} for key in keys}
    assert flatten_delta(nest_delta(delta)) == delta


def test_a_stored_delta_lies_at_the_path_of_its_key() -> None:
    assert nest_delta({"env_run.ATM_NCPL": ENTRY}) == {"env_run": {"ATM_NCPL": ENTRY}}
