"""The files of an execution are parsed each for itself: a damaged one costs only itself."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cases.inventory import REQUIRED, FileEntry, take_inventory
from ingest.cases.parse import ParsedFiles, parse_execution
from ingest.cases.parsers.cpl_log import Clock
from ingest.cases.parsers.git_files import GitConfig, GitStatus
from ingest.cases.sources.base import Content
from tests.support.executions import LID, entry, env_xml, execution_files, packed

LIMIT = 10_000
FILES = execution_files()


def parse(files: Mapping[str, bytes], limit: int = LIMIT) -> ParsedFiles:
    inventory = take_inventory([FileEntry(path, len(files[path])) for path in files], LID)
    return parse_execution(inventory, Content(files=files), limit)


def path_of(name: str) -> str:
    return next(path for path in FILES if f"{name}." in path)


def reasons(parsed: ParsedFiles) -> dict[str, str]:
    return {problem.file: problem.reason for problem in parsed.problems}


def test_a_complete_execution_has_no_problems() -> None:
    parsed = parse(FILES)
    assert parsed.is_complete
    assert (parsed.missing, parsed.problems) == ([], [])


def test_every_file_is_read() -> None:
    extra = {
        f"cpl.log.{LID}": b"(seq_timemgr_clockPrint)   Curr Time   =     18500101   00000\n",
        f"GIT_STATUS.{LID}": b"On branch main\n",
        f"GIT_CONFIG.{LID}": b'[remote "origin"]\nurl = https://h/r\n',
    }
    parsed = parse(FILES | extra)
    assert parsed.env_files == {"env_case", "env_build", "env_run"}
    assert parsed.variables["env_run.STOP_N"] == 5
    assert parsed.readme_case
    assert parsed.readme_case.compset == "F2010"
    assert parsed.case_status
    assert parsed.e3sm_timing
    assert parsed.git_describe
    assert parsed.cpl_log
    assert parsed.git_status == GitStatus("main")
    assert parsed.git_config == GitConfig("https://h/r")


def test_without_git_files_it_is_known_that_they_were_not_there() -> None:
    parsed = parse(FILES)
    assert (parsed.git_config, parsed.git_status) == (None, None)


@pytest.mark.parametrize("name", sorted(REQUIRED.values()))
def test_a_required_file_that_is_missing_is_named(name: str) -> None:
    parsed = parse({path: data for path, data in FILES.items() if path != path_of(name)})
    assert parsed.missing == [name]
    assert not parsed.is_complete


def test_an_empty_directory_misses_everything() -> None:
    assert parse({}).missing == list(REQUIRED.values())


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param("env_run.xml", packed(b"<file>"), "not_xml", id="damaged XML"),
        pytest.param("env_run.xml", packed(b"a" * 500)[:-9], "truncated", id="cut gzip"),
        pytest.param("env_run.xml", b"", "empty", id="empty"),
        pytest.param("env_run.xml", b"a" * (LIMIT + 1), "too_large", id="too large"),
        pytest.param("env_run.xml", packed(bytes(LIMIT + 1)), "too_large", id="too large inside"),
        pytest.param("README.case", packed(b"nothing"), "no_command", id="no command"),
        pytest.param("e3sm_timing", packed(b"nothing"), "no_header", id="no header"),
    ],
)
def test_a_damaged_file_costs_only_itself(name: str, data: bytes, reason: str) -> None:
    parsed = parse(FILES | {path_of(name): data})
    assert reasons(parsed) == {path_of(name): reason}
    assert not parsed.is_complete
    assert parsed.variables["env_build.COMPILER"] == "intel"


def test_a_damaged_file_that_is_not_required_leaves_the_execution_complete() -> None:
    parsed = parse(FILES | {f"CaseDocs.{LID}/env_batch.xml.{LID}": b"<file>"})
    assert parsed.is_complete
    assert parsed.damaged == {"env_batch"}


def test_a_url_that_cannot_be_made_public_costs_only_itself() -> None:
    config = b'[remote "origin"]\nurl = https://u:p?w@h/r\n'
    parsed = parse(FILES | {f"GIT_CONFIG.{LID}": config})
    assert reasons(parsed) == {f"GIT_CONFIG.{LID}": "bad_url"}
    assert parsed.git_config is None


def test_files_that_cannot_be_told_apart_are_named() -> None:
    parsed = parse(FILES | {f"e3sm_timing.other.{LID}.gz": b"x"})
    assert [problem.reason for problem in parsed.problems] == ["ambiguous"]
    assert "e3sm_timing.other" in parsed.problems[0].detail
    assert parsed.missing == []
    assert not parsed.is_complete


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({f"e3sm_timing.\udcff.{LID}": b"x"}, id="damaged"),
        pytest.param(
            {f"e3sm_timing.\udcff.{LID}": b"x", f"e3sm_timing.b.{LID}": b"x"}, id="ambiguous"
        ),
    ],
)
def test_a_problem_with_a_name_that_is_not_utf_8_can_be_stored(files: dict[str, bytes]) -> None:
    (problem,) = parse(files).problems
    assert "\\udcff" in f"{problem.file}{problem.detail}"
    problem.model_dump_json().encode()


def test_a_large_log_is_read_only_at_its_head() -> None:
    clock = b"(seq_timemgr_clockPrint)   Curr Time   =     18500101   00000\n"
    parsed = parse(FILES | {f"cpl.log.{LID}.gz": packed(clock + bytes(10 * LIMIT))})
    assert parsed.cpl_log
    assert parsed.problems == []


def write(directory: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)


def parse_directory(directory: Path, files: Mapping[str, bytes] = FILES) -> ParsedFiles:
    inventory = take_inventory([FileEntry(path, len(files[path])) for path in files], LID)
    return parse_execution(inventory, Content(directory=str(directory)), LIMIT)


def test_a_directory_gives_what_its_files_give(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert parse_directory(tmp_path) == parse(FILES)


def test_a_file_that_vanished_says_nothing_about_the_execution(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        parse_directory(tmp_path)


def test_a_file_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    path = tmp_path / f"GIT_DESCRIBE.{LID}.gz"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to("elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        parse_directory(tmp_path)


def test_a_file_that_became_a_pipe_does_not_block(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    path = tmp_path / f"GIT_DESCRIBE.{LID}.gz"
    path.unlink()
    os.mkfifo(path)
    assert reasons(parse_directory(tmp_path)) == {path.name: "not_a_file"}


def test_a_file_that_grew_is_refused(tmp_path: Path) -> None:
    write(tmp_path, FILES | {path_of("CaseStatus"): b"a" * (LIMIT + 1)})
    assert reasons(parse_directory(tmp_path)) == {path_of("CaseStatus"): "too_large"}


contents = st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(packed))


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(sorted(FILES)), contents))
def test_whatever_the_files_hold_the_others_are_read(damage: dict[str, bytes]) -> None:
    parsed = parse(FILES | damage)
    assert parsed.missing == []
    assert {problem.file for problem in parsed.problems} <= damage.keys()


def test_variables_of_several_files_stand_side_by_side() -> None:
    extra = {f"CaseDocs.{LID}/env_batch.xml.{LID}": env_xml('<entry id="A" value="1"/>')}
    variables = parse(FILES | extra).variables
    assert {key.partition(".")[0] for key in variables} == {
        "env_batch", "env_build", "env_case", "env_run",
    }  # fmt: skip


def test_the_environment_follows_the_variables_of_every_file() -> None:
    mach_specific = env_xml(
        '<environment_variables MAX_TASKS_PER_NODE="128"><env name="A">1</env>'
        "</environment_variables>",
        file="env_mach_specific",
    )

    def settings(tasks: int) -> dict[str, str]:
        pes = env_xml(entry("MAX_TASKS_PER_NODE", str(tasks), "integer"), file="env_mach_pes")
        extra = {
            f"CaseDocs.{LID}/env_mach_specific.xml.{LID}": mach_specific,
            f"CaseDocs.{LID}/env_mach_pes.xml.{LID}": pes,
        }
        return parse(FILES | extra).parts.get("env_mach_specific", {})

    key = "env_mach_specific.environment_variables.A"
    assert [key in settings(tasks) for tasks in (128, 64, 128)] == [True, False, True]


def test_changes_and_failed_builds_of_the_case_are_parsed() -> None:
    rule = f" {'-' * 51}\n"
    status = (
        "2025-01-01 03:00:00: xmlchange success <command> ./xmlchange A=1  </command>\n"
        f"{rule}2025-01-01 04:00:00: case.build error \nERROR: BUILD FAIL\n{rule}"
    )
    parsed = parse(FILES | {path_of("CaseStatus"): packed(status.encode())})
    assert [change.command for change in parsed.changes] == ["./xmlchange A=1"]
    assert [build.text for build in parsed.failed_builds] == ["ERROR: BUILD FAIL"]
    assert parsed.problems == []


def test_the_files_of_nuopc_are_read() -> None:
    log = b" (esm_time_clockInit): driver curr_ymd:   18500101\n (x): driver curr_tod:   0\n"
    config = b"ALLCOMP_attributes::\n case_name = c\n API_KEY = hunter2\n::\n"
    extra = {
        f"med_0001.log.{LID}": log,
        f"CaseDocs.{LID}/nuopc.runconfig.{LID}": config,
    }
    parsed = parse(FILES | extra)
    assert parsed.cpl_log == Clock((18500101, 0), None, stops_as_configured=True, log="med.log")
    assert parsed.parts["nuopc_runconfig"] == {
        "nuopc_runconfig.ALLCOMP_attributes.case_name": "c",
        "nuopc_runconfig.ALLCOMP_attributes.API_KEY": "***",
    }
