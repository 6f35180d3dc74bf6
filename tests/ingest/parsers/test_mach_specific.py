import pytest

from ingest.parsers.mach_specific import parse_mach_specific
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


def test_a_later_block_overrides_a_variable() -> None:
    found = parse_mach_specific(_FILE, _GNU)
    assert (found[f"{_PREFIX}A"], found[f"{_PREFIX}EMPTY"]) == ("2", None)
    assert f"{_PREFIX}B" not in found


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(ParseError, match="not <file>"):
        parse_mach_specific(b"<html/>", {})
