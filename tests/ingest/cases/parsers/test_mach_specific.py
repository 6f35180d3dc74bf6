import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.mach_specific import parse_mach_specific
from models.errors import ParseError

_FILE = b"""<file id="env_mach_specific.xml">
  <module_system type="module">
    <modules><command name="purge"/><command name="load">cmake/3.24</command></modules>
    <modules compiler="gnu"><command name="load">gcc/11</command></modules>
    <modules compiler="intel"><command name="load">intel/2022</command></modules>
    <modules compiler="gnu" mpilib="!mpi-serial"><command name="load">openmpi/4</command></modules>
    <modules compiler="gnu.*" DEBUG="TRUE"><command name="load">debugger</command></modules>
  </module_system>
  <environment_variables><env name="A">1</env><env name="EMPTY"/></environment_variables>
  <environment_variables compiler="gnu"><env name="A">2</env></environment_variables>
  <environment_variables compiler="["><env name="B">3</env></environment_variables>
</file>"""

_GNU = {"env_build.COMPILER": "gnu", "env_build.MPILIB": "openmpi", "env_build.DEBUG": False}
_PREFIX = "env_mach_specific.environment_variables."


def modules(**changes: str | bool) -> list[str]:
    variables = _GNU | {f"env_build.{name}": value for name, value in changes.items()}
    found: list[str] = parse_mach_specific(_FILE, variables)["env_mach_specific.modules"]
    return found


def test_only_the_blocks_of_the_compiler_and_library_count() -> None:
    assert modules() == ["purge", "load cmake/3.24", "load gcc/11", "load openmpi/4"]


def test_an_exclamation_mark_excludes() -> None:
    assert modules(MPILIB="mpi-serial") == ["purge", "load cmake/3.24", "load gcc/11"]


def test_any_setting_of_the_build_chooses() -> None:
    assert modules(DEBUG=True)[-1] == "load debugger"


def is_chosen(wanted: str, actual: str) -> bool:
    content = (
        f'<file><module_system><modules compiler="{wanted}"><command name="load"/></modules>'
        "</module_system></file>"
    )
    return bool(parse_mach_specific(content.encode(), {"env_build.COMPILER": actual}))


@pytest.mark.parametrize(
    ("wanted", "chosen", "left"),
    [
        pytest.param("intel|gnu", ["intel", "gnu"], ["intelgpu", "gnu9", "int"], id="alternatives"),
        pytest.param("gnu.*", ["gnu", "gnugpu"], ["agnu", "gn"], id="beginning"),
        pytest.param(".*gpu", ["gpu", "gnugpu"], ["gpus", "gnu"], id="end"),
        pytest.param("!gnu.*", ["intel"], ["gnu", "gnugpu"], id="all but a beginning"),
        pytest.param("!intel|gnu", ["pgi"], ["gnu", "intel"], id="all but alternatives"),
        pytest.param("openmpi-4.1", ["openmpi-4.1"], ["openmpi-4.1.2"], id="point"),
        pytest.param("c++", ["c++"], ["c", "cc"], id="what is no pattern"),
        pytest.param("gnu.+", ["gnu.+"], ["gnu9", "gnu9+"], id="what only looks like a pattern"),
        pytest.param("(a+)+b", ["(a+)+b"], ["ab", "a" * 45], id="what a pattern may not hold"),
        pytest.param("!(a+)+b", ["ab"], ["(a+)+b"], id="all but that"),
        pytest.param("a.*" * 200, [], ["a" * 200], id="too long for a pattern"),
        pytest.param("a.*" * 20 + "b", ["a" * 20 + "b"], ["a" * 64], id="many ways"),
    ],
)  # fmt: skip
def test_an_attribute_chooses_the_settings_that_it_means(
    wanted: str, chosen: list[str], left: list[str]
) -> None:
    assert [name for name in [*chosen, *left] if is_chosen(wanted, name)] == chosen


@given(
    st.lists(st.sampled_from(["a", "b", ".", ".*", "|"]), max_size=8).map("".join),
    st.text("ab.", max_size=6),
)
def test_the_forms_that_are_read_mean_what_they_mean_as_expressions(
    wanted: str, actual: str
) -> None:
    assert is_chosen(wanted, actual) == bool(re.fullmatch(wanted, actual))


def test_a_later_block_overrides_a_variable() -> None:
    found = parse_mach_specific(_FILE, _GNU)
    assert (found[f"{_PREFIX}A"], found[f"{_PREFIX}EMPTY"]) == ("2", None)
    assert f"{_PREFIX}B" not in found


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(ParseError, match="not <file>"):
        parse_mach_specific(b"<html/>", {})
