import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.attribute_pattern import UnsupportedError, matches
from ingest.cases.parsers.incremental import Variables
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


def settings_of(content: bytes, variables: Mapping[str, Any] = _GNU) -> Variables:
    return parse_mach_specific(content).settings(variables)


def modules(**changes: str | bool) -> list[str]:
    variables = _GNU | {f"env_build.{name}": value for name, value in changes.items()}
    found: list[str] = settings_of(_FILE, variables)["env_mach_specific.modules"]
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
    return bool(settings_of(content.encode(), {"env_build.COMPILER": actual}))


@pytest.mark.parametrize(
    ("wanted", "chosen", "left"),
    [
        pytest.param("(intel|gnu)", ["intel", "gnu"], ["intelgpu", "gnu9", "int"], id="group"),
        pytest.param("intel|gnu", ["intel", "gnu", "intelgpu"], ["gnu9"], id="no group"),
        pytest.param("gnu.*", ["gnu", "gnugpu"], ["agnu", "gn"], id="beginning"),
        pytest.param(".*gpu", ["gpu", "gnugpu"], ["gpus", "gnu"], id="end"),
        pytest.param("!gnu.*", ["intel"], ["gnu", "gnugpu"], id="all but a beginning"),
        pytest.param("!(intel|gnu)", ["pgi", "gnu9"], ["gnu", "intel"], id="all but alternatives"),
        pytest.param("openmpi-4.1", ["openmpi-4.1", "openmpi-4x1"], ["openmpi-4.1.2"], id="point"),
        pytest.param(r"openmpi-4\.1", ["openmpi-4.1"], ["openmpi-4x1"], id="escaped"),
        pytest.param("gnu[0-9]+", ["gnu9", "gnu11"], ["gnu", "gnux"], id="set"),
        pytest.param("[^g-]nu", ["xnu"], ["gnu", "-nu"], id="negated set"),
        pytest.param("gnu(9|1[0-3])?", ["gnu", "gnu9", "gnu12"], ["gnu14"], id="optional group"),
        pytest.param("a{2,3}", ["aa", "aaa"], ["a", "aaaa"], id="counts"),
        pytest.param("(a+)+b", ["ab", "aab"], ["a" * 45], id="nested quantifiers"),
        pytest.param("a.*" * 20 + "b", ["a" * 20 + "b"], ["a" * 64], id="many ways"),
        pytest.param("[", [], ["["], id="no pattern"),
        pytest.param("(?!gnu).*", [], ["intel", "gnu"], id="a form that is not read"),
        pytest.param("!(?!gnu).*", [], ["intel", "gnu"], id="all but that"),
        pytest.param("a.*" * 200, [], ["a" * 200], id="too long for a pattern"),
        pytest.param("(((a{60}){60}){60}){60}", [], ["a"], id="too many states"),
    ],
)  # fmt: skip
def test_an_attribute_chooses_the_settings_that_it_means(
    wanted: str, chosen: list[str], left: list[str]
) -> None:
    assert [name for name in [*chosen, *left] if is_chosen(wanted, name)] == chosen


ATOMS = st.sampled_from(["a", "b", ".", "-", "[ab]", "[^a]", "[a-c]", r"\\.", r"\\d"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@given(
    st.lists(PATTERNS, min_size=1, max_size=2).map("|".join).filter(lambda text: len(text) <= 64),
    st.text("abc.-1", max_size=6),
)
def test_a_pattern_means_what_it_means_to_cime(pattern: str, actual: str) -> None:
    assert matches(pattern, actual) == bool(re.match(pattern + "$", actual))


@given(st.text("ab.*+?|()[]{}^$\\\\-,12", max_size=64), st.text("ab", max_size=256))
def test_any_pattern_is_read_or_refused(pattern: str, actual: str) -> None:
    with suppress(UnsupportedError):
        matches(pattern, actual)


def test_a_later_block_overrides_a_variable() -> None:
    found = settings_of(_FILE)
    assert (found[f"{_PREFIX}A"], found[f"{_PREFIX}EMPTY"]) == ("2", None)
    assert f"{_PREFIX}B" not in found


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(ParseError, match="not <file>"):
        parse_mach_specific(b"<html/>")


_ANYWHERE = b"""<file>
  <module_system><modules queue="debug"><command name="load" mach="chrysalis">a</command>
    <command name="load" mach="compy">b</command></modules></module_system>
  <environment_variables MAX_TASKS_PER_NODE="!128"><env name="CORES">thread</env>
  </environment_variables>
  <environment_variables MAX_TASKS_PER_NODE="128"><env name="CORES">core</env>
  </environment_variables>
  <environment_variables queue="debug"><env name="QUEUE">1</env></environment_variables>
  <environment_variables unit_testing="false"><env name="UNIT">1</env></environment_variables>
  <environment_variables unit_testing="TRUE"><env name="UNIT">2</env></environment_variables>
  <environment_variables ntasks_atm="5"><env name="ATM">1</env></environment_variables>
  <environment_variables os="LINUX"><env name="OS" debug="FALSE">1</env></environment_variables>
</file>"""
_CASE: dict[str, Any] = _GNU | {
    "env_case.MACH": "chrysalis", "env_mach_pes.MAX_TASKS_PER_NODE": 128, "env_build.OS": "LINUX",
    "env_workflow.case_run.JOB_QUEUE": "debug", "env_mach_pes.NTASKS.ATM": 5,
}  # fmt: skip


def test_an_attribute_names_a_variable_of_any_file() -> None:
    assert settings_of(_ANYWHERE, _CASE) == {
        "env_mach_specific.modules": ["load a"],
        f"{_PREFIX}CORES": "core", f"{_PREFIX}QUEUE": "1", f"{_PREFIX}UNIT": "1",
        f"{_PREFIX}ATM": "1", f"{_PREFIX}OS": "1",
    }  # fmt: skip


def test_the_queue_matters_to_the_environment_of_a_job_only() -> None:
    other = _CASE | {"env_workflow.case_run.JOB_QUEUE": "compute"}
    found = settings_of(_ANYWHERE, other)
    assert f"{_PREFIX}QUEUE" not in found
    assert found["env_mach_specific.modules"] == ["load a"]


def test_a_condition_that_cannot_be_decided_is_reported_and_does_not_hold() -> None:
    content = b"""<file><environment_variables GPU_TYPE="!a100">
      <env name="A">1</env><env name="B">1</env></environment_variables>
      <environment_variables compiler="(?=gnu)"><env name="C">1</env>
      </environment_variables></file>"""
    found: list[tuple[int, str]] = []
    parsed = parse_mach_specific(content)
    assert parsed.settings(_GNU, lambda line, text: found.append((line, text))) == {}
    assert found == [
        (2, "it is not clear whether GPU_TYPE='!a100' holds"),
        (3, "it is not clear whether compiler='(?=gnu)' holds"),
    ]


def test_logical_values_are_told_from_their_words() -> None:
    content = b"""<file><environment_variables DEBUG="TRUE"><env name="A">1</env>
      </environment_variables><environment_variables DEBUG="!FALSE"><env name="B">1</env>
      </environment_variables></file>"""
    assert settings_of(content, {"env_build.DEBUG": True}).keys() == {f"{_PREFIX}A", f"{_PREFIX}B"}
    # CIME compares the pattern FALSE with the word "False"
    assert settings_of(content, {"env_build.DEBUG": False}).keys() == {f"{_PREFIX}B"}


def test_references_to_variables_of_the_case_are_resolved() -> None:
    content = b"""<file><module_system><modules>
      <command name="load">netcdf/$COMPILER-$MPILIB</command></modules></module_system>
      <environment_variables><env name="A">${SRCROOT}/x:$ENV{HOME}:$SHELL{echo $SRCROOT}</env>
      <env name="B">$NOWHERE $LOOP</env><env source="sh">$SRCROOT/s.sh</env></environment_variables>
      </file>"""
    variables = _GNU | {
        "env_case.SRCROOT": "$CIMEROOT/..", "env_case.CIMEROOT": "/e3sm/cime",
        "env_case.LOOP": "$LOOP",
    }  # fmt: skip
    assert settings_of(content, variables) == {
        "env_mach_specific.modules": ["load netcdf/gnu-openmpi"],
        "env_mach_specific.sources": ["sh /e3sm/cime/../s.sh"],
        f"{_PREFIX}A": "/e3sm/cime/../x:$ENV{HOME}:$SHELL{echo $SRCROOT}",
        f"{_PREFIX}B": "$NOWHERE $LOOP",
    }


def test_very_many_conditions_end() -> None:
    blocks = "".join(
        f'<environment_variables compiler="(a|b|c)*{n}"><env name="A"/></environment_variables>'
        for n in range(3000)
    )
    found: list[str] = []
    parsed = parse_mach_specific(f"<file>{blocks}</file>".encode())
    parsed.settings({"env_build.COMPILER": "abc" * 20}, lambda _, text: found.append(text))
    assert len(found) == 2000


_LIMITS = b"""<file>
  <resource_limits DEBUG="!TRUE"><resource name="RLIMIT_STACK">-1</resource></resource_limits>
  <resource_limits compiler="intel"><resource name="RLIMIT_CORE">0</resource></resource_limits>
</file>"""


def test_the_limits_of_a_case_are_kept() -> None:
    assert settings_of(_LIMITS) == {"env_mach_specific.resource_limits.RLIMIT_STACK": "-1"}


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"<module_system>\n<other/></module_system>", [2]),
        (b"<resource_limits>\n<limit name='A'>1</limit></resource_limits>", [2]),
        (b"<resource_limits>\n<resource>1</resource></resource_limits>", [2]),
        (b"<mpirun colour='red'>\n<executable>x</executable></mpirun>", [1]),
        (b"<mpirun>\n<command>x</command></mpirun>", [2]),
        (b"<mpirun><executable>x</executable><arguments>\n<a/></arguments></mpirun>", [2]),
        (b"<module_system>\n<init_path lang='sh'>/x</init_path></module_system>", []),
    ],
)
def test_elements_that_are_not_known_are_reported(content: bytes, lines: list[int]) -> None:
    reported: list[int] = []
    parse_mach_specific(b"<file>" + content + b"</file>", lambda line, _: reported.append(line))
    assert reported == lines
