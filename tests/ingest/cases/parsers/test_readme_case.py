"""README.case tells with which options a case was created."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.readme_case import ReadmeCase, parse_readme_case
from models.errors import ParseError
from tests.support.executions import mutations, reason_of, sample_files


def readme(command: str) -> ReadmeCase:
    return parse_readme_case(f"2025-01-01 00:00:00: {command}\n ---------\n".encode())


NEWCASE = "/e3sm/cime/scripts/create_newcase"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param("--compset F2010 --res ne30", id="double dashes"),
        pytest.param("-compset F2010 -res ne30", id="single dashes"),
        pytest.param("--compset=F2010 --res=ne30", id="equals signs"),
        pytest.param("-compset=F2010 --grid ne30", id="mixed"),
        pytest.param("--res 'ne30' --compset \"F2010\"", id="quotes"),
        pytest.param("--res ne30 --compset F2010 --note it's", id="unbalanced quote"),
        pytest.param("--res ne30 --compset F2010 --debug --walltime", id="options without values"),
        pytest.param("--compset F2010 --res ne30 --compset X", id="the first of two"),
        pytest.param("--compset --res ne30 --compset F2010", id="no value the first time"),
    ],
)
def test_compset_and_grid_are_found(options: str) -> None:
    found = readme(f"{NEWCASE} --case /x/y {options}")
    assert (found.compset, found.grid) == ("F2010", "ne30")


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        pytest.param("--mach pm-cpu", "machine", "pm-cpu", id="mach"),
        pytest.param("--machine pm-cpu", "machine", "pm-cpu", id="machine"),
        pytest.param("-compiler intel", "compiler", "intel", id="compiler"),
        pytest.param("--case-group v3.LR", "case_group", "v3.LR", id="case group"),
        pytest.param("--case_group v3.LR", "case_group", "v3.LR", id="underscore"),
        pytest.param("--compset 'a b'", "compset", "a b", id="blank in quotes"),
        pytest.param("--compset=a=b", "compset", "a=b", id="second equals sign"),
        pytest.param("--compset=", "compset", None, id="empty"),
        pytest.param("--compset", "compset", None, id="last word"),
        pytest.param("", "machine", None, id="no options"),
    ],
)
def test_an_option_is_found(options: str, field: str, value: str | None) -> None:
    assert getattr(readme(f"./create_newcase {options}"), field) == value


def test_a_clone_has_a_command_too() -> None:
    assert readme("./create_clone --clone /a --case /b") == ReadmeCase(None, None, None, None, None)


CLONE = """2025-02-01 10:00:00: ./create_clone --case t.clone --clone /home/jdoe/parent
 ---------------------------------------------------

    *** original clone README follows ****
 2025-01-07 13:50:00: ./create_newcase --case parent --compset F2010 --res ne30 --mach pm-cpu
 ---------------------------------------------------
"""


def test_a_clone_has_compset_grid_and_machine_of_the_case_that_was_cloned() -> None:
    expected = ReadmeCase("F2010", "ne30", None, "pm-cpu", None)
    assert parse_readme_case(CLONE.encode()) == expected
    clone_of_clone = CLONE.partition("\n")[0] + "\n" + CLONE
    assert parse_readme_case(clone_of_clone.encode()) == expected


def test_a_clone_that_a_test_made_is_a_clone() -> None:
    content = CLONE.replace(
        "./create_clone --case t.clone --clone /home/jdoe/parent", "./case.build"
    )
    assert parse_readme_case(content.encode()).compset == "F2010"


def test_a_test_is_created_by_a_script_of_python() -> None:
    found = readme("/e3sm/cime/CIME/scripts/create_newcase.py --res ne4 --compset F2010 --test")
    assert (found.compset, found.grid) == ("F2010", "ne4")


def test_the_command_of_a_test_tells_what_no_other_does() -> None:
    test = "SMS_Ld5_P64.ne4pg2_oQU480.F2010.pm-cpu_gnu.eam-outfrq9s"
    assert readme(f"Case Created using: ./create_test {test} --wait") == ReadmeCase(
        "F2010", "ne4pg2_oQU480", "gnu", "pm-cpu", None
    )
    assert readme(f"./create_test {test} {test}x --wait").compset is None
    assert readme("./create_test e3sm_developer").compset is None


def test_the_first_command_counts() -> None:
    content = b"./create_newcase --compset A\n./create_newcase --compset B\n"
    assert parse_readme_case(content).compset == "A"


def test_the_command_may_stand_on_a_later_line() -> None:
    assert parse_readme_case(b"\n\nnotes\n./create_newcase --compset A\n").compset == "A"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbfx: ./create_newcase --res r\n", id="byte order mark"),
        pytest.param(b"x: ./create_newcase --res r\r\n", id="CR LF"),
        pytest.param(b"\xff: ./create_newcase --res r", id="not UTF-8"),
    ],
)
def test_the_form_of_the_text_does_not_matter(content: bytes) -> None:
    assert parse_readme_case(content).grid == "r"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"Component ATM is eam\n", id="another line"),
        pytest.param(b"see create_newcase.log\n", id="only a part of a word"),
    ],
)
def test_a_readme_without_a_command_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError, match="no_command"):
        parse_readme_case(content)


words = st.text(alphabet="ab-='\"\\ \u00e4", max_size=30)


@given(
    st.binary()
    | mutations(sample_files()["readme_case"])
    | words.map(lambda text: f"./create_newcase {text}".encode())
)
def test_nothing_is_raised_but_parse_errors(content: bytes) -> None:
    assert reason_of(lambda: parse_readme_case(content)) in {None, "no_command"}


def test_a_very_long_command_is_read_without_its_quotes() -> None:
    content = b"./create_newcase --res ne30 --case " + b"a" * 2_000_000
    assert parse_readme_case(content).grid == "ne30"
