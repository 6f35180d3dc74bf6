"""A case is the same case by machine, user and name, for every importer."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.cases.identity import CaseKey, machine_systems, spell_machine, system_of


def test_the_id_of_a_case_stays_what_it_was() -> None:
    key = CaseKey("chrysalis", "jdoe", "v3.LR.historical_0101")
    assert key.case_id == "e5910510-1221-5d09-b589-44fe31011269"


def test_the_id_of_a_case_is_a_uuid_of_version_5() -> None:
    assert UUID(CaseKey("m", "u", "n").case_id).version == 5


words = st.text(alphabet="ab/\u00e4", max_size=3)
case_keys = st.builds(CaseKey, words, words, words)


@given(case_keys, case_keys)
def test_only_the_same_key_has_the_same_id(one: CaseKey, other: CaseKey) -> None:
    assert (one.case_id == other.case_id) == (one == other)


@pytest.mark.parametrize(
    ("machine", "system"),
    [
        pytest.param("pm-gpu", "perlmutter", id="part"),
        pytest.param("perlmutter", "perlmutter", id="system"),
        pytest.param("chrysalis", "chrysalis", id="machine that is a system"),
        pytest.param("laptop", "laptop", id="unknown"),
    ],
)
def test_a_machine_is_a_part_of_a_system(machine: str, system: str) -> None:
    assert system_of(machine) == system


def test_machines_are_spelt_in_lower_case_without_blanks() -> None:
    assert spell_machine("  PM-CPU\n") == "pm-cpu"


def test_known_machines_are_listed_as_they_are_spelt() -> None:
    assert [name for name in machine_systems() if name != spell_machine(name)] == []


def test_every_system_is_a_part_of_no_other() -> None:
    assert [s for s in machine_systems().values() if system_of(s) != s] == []
