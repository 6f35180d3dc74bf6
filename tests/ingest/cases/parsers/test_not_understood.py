"""What a reader does not understand is reported with its line; what it knows is not."""

from collections.abc import Callable

import pytest

from ingest.cases.inventory import FileEntry, take_inventory
from ingest.cases.parse import parse_execution
from ingest.cases.parse_cache import ParseCache
from ingest.cases.parsers.case_status import parse_case_status
from ingest.cases.parsers.e3sm_timing import parse_e3sm_timing
from ingest.cases.parsers.env_xml import parse_env_lines, parse_env_xml
from ingest.cases.parsers.git_files import (
    parse_git_config,
    parse_git_describe,
    parse_git_diff,
    parse_git_log,
    parse_git_remote,
    parse_git_status,
    parse_git_submodules,
)
from ingest.cases.parsers.incremental import ParsedLines
from ingest.cases.parsers.mach_specific import parse_mach_specific
from ingest.cases.parsers.namelist import parse_namelist_lines
from ingest.cases.parsers.not_understood import NotUnderstood, Report
from ingest.cases.parsers.nuopc_runconfig import parse_nuopc_runconfig
from ingest.cases.parsers.preview_run import parse_preview_run
from ingest.cases.parsers.readme_case import parse_readme_case
from ingest.cases.parsers.replay_sh import parse_replay_sh
from ingest.cases.parsers.seq_maps import parse_seq_maps
from ingest.cases.sources.base import Content
from tests.support.executions import LID, TIMING, execution_files

NOW = "2025-01-02 03:00:00"
TIMED = "  Timing files created for run 1.250102-030000"
HASH = "0123456789abcdef0123456789abcdef01234567"


def env_run(content: bytes, report: Report) -> object:
    return parse_env_xml(content, "env_run", report)


def case_status(content: bytes, report: Report) -> None:
    for line, text in parse_case_status(content).unknown:
        report(line, text)


def env_run_by_line(content: bytes, report: Report) -> None:
    for line, text in parse_env_lines(content, "env_run").unknown:
        report(line, text)


def user_nl(content: bytes, report: Report) -> object:
    parsed = parse_namelist_lines(content, "user_nl_eam")
    for line, text in parsed.unknown:
        report(line, text)
    return parsed


READERS: dict[str, tuple[Callable[[bytes, Report], object], str, list[tuple[int, str]]]] = {
    "a word that belongs to no variable": (
        user_nl,
        "! fields\nfincl1 = 'A'\nnhtfrq 0,-24\n",
        [(3, "nhtfrq 0,-24")],
    ),
    "a second line of a description": (
        parse_git_describe,
        f"v3.0.0\n\n{HASH}\n",
        [(3, HASH)],
    ),
    "a description that is no tag": (
        parse_git_describe,
        "no names found\n",
        [(1, "no names found")],
    ),
    "a status in another language": (
        parse_git_status,
        "\nAuf Branch main\nnichts zu committen\n",
        [(2, "Auf Branch main")],
    ),
    "a status of a detached head": (parse_git_status, "HEAD detached at 1a2b3c4\n", []),
    "a submodule whose commit is not known": (
        parse_git_submodules,
        f" {HASH} cime (v1)\n (unknown) externals/x\n",
        [(2, " (unknown) externals/x")],
    ),
    "no submodules": (parse_git_submodules, "unknown", []),
    "a log that is not on one line": (
        parse_git_log,
        f"{HASH} Merge\nAuthor: A User\n",
        [(2, "Author: A User")],
    ),
    "a remote without a use": (
        parse_git_remote,
        "origin\thttps://h/r (fetch)\norigin\thttps://h/r (push)\norigin\n",
        [(3, "origin")],
    ),
    "a remote of a partial clone": (
        parse_git_remote,
        "origin\thttps://h/r (fetch) [blob:none]\n",
        [],
    ),
    "a diff of another program": (
        parse_git_diff,
        "--- a.F90\n+++ b.F90\ndiff -r 1.2 a.F90\n",
        [(1, "--- a.F90"), (2, "+++ b.F90"), (3, "diff -r 1.2 a.F90")],
    ),
    "a configuration with other lines": (
        parse_git_config,
        '[core]\n\tbare = false\n; a comment\n[remote "origin"]\n\turl =\n<<<<<<< HEAD\n',
        [(5, "url ="), (6, "<<<<<<< HEAD")],
    ),
    "a configuration with values on several lines": (
        parse_git_config,
        '[alias] st = status\n[alias]\n\tlg = log \\\n --oneline, !x\n\tco\n[remote "o"]\n',
        [],
    ),
    "a timing profile with other keys and lines": (
        parse_e3sm_timing,
        f"{TIMING.decode()}  Energy      : 3 kWh\n  GPU = a100\n    Final Time  :  soon\n",
        [(7, "Energy      : 3 kWh"), (8, "GPU = a100"), (9, "Final Time is soon")],
    ),
    "a timing profile with a number that is none": (
        parse_e3sm_timing,
        "Case: c\nLID: 1.250102-030405\nMachine: m\nRun Time : ******* seconds\nCurr Date: today\n",
        [(4, "Run Time is ******* seconds"), (5, "Curr Date is today")],
    ),
    "an entry without an id": (
        env_run,
        '<file>\n<entry value="1"/>\n<group id="g">\n<item/></group></file>',
        [(2, "an entry without an id"), (4, "<item> in <group>")],
    ),
    "an entry of another type": (
        env_run_by_line,
        '<file>\n<entry id="A" value="1"><type>complex</type></entry>\n<other/></file>',
        [(2, "A has the type complex"), (3, "<other> in <file>")],
    ),
    "a value for no component": (
        env_run,
        '<file><entry id="A"><values><value>1</value></values></entry></file>',
        [(1, "A has a value for no component")],
    ),
    "an environment variable without a name": (
        parse_mach_specific,
        "<file><environment_variables>\n<env>1</env><module/></environment_variables></file>",
        [(2, "<env> without a name"), (2, "<module> in <environment_variables>")],
    ),
    "events of other forms": (
        case_status,
        f"a note\n{NOW}: case.run starting 1\nanother\n{NOW}: it is fast\n{NOW}: {TIMED}\n",
        [(1, "a note"), (3, "another"), (4, "it is fast")],
    ),
    "the text of an error": (
        case_status,
        f"{NOW}: case.build error \nERROR: BUILD FAIL\n\n-----\nmore\n {'-' * 51}\n",
        [],
    ),
    "a map without a name": (
        parse_seq_maps,
        '# a comment\n  atm2ice_fmapname: "idmap"\nidmap\n',
        [(3, "idmap")],
    ),
    "a configuration of NUOPC with other lines": (
        parse_nuopc_runconfig,
        "x = 1\nA::\n # a comment\n y: 2\n::\nrunSeq::\n ATM -> MED\n",
        [(0, "the table runSeq has no end"), (1, "x = 1"), (4, "y: 2"), (7, "ATM -> MED")],
    ),
    "a layout without numbers": (
        parse_preview_run,
        "CASE INFO:\n nodes: many\n ranks: 5\n\nBATCH INFO:\nFOR JOB: case.run\nSUBMIT CMD:\n",
        [(2, "nodes: many"), (3, "ranks: 5"), (7, "SUBMIT CMD: without a command")],
    ),
    "a command with an open quote": (
        parse_readme_case,
        "\n2025-01-01 00:00:00: ./create_newcase --res 'ne30\n",
        [(2, "2025-01-01 00:00:00: ./create_newcase --res 'ne30")],
    ),
    "a command that is cut": (
        parse_replay_sh,
        "./case.setup\n\n./xmlchange \\\n",
        [(3, "the last command has no end")],
    ),
}


@pytest.mark.parametrize(
    ("read", "content", "expected"),
    [pytest.param(*row, id=name) for name, row in READERS.items()],
)
def test_what_is_not_understood_is_reported_with_its_line(
    read: Callable[[bytes, Report], object], content: str, expected: list[tuple[int, str]]
) -> None:
    found: list[tuple[int, str]] = []
    read(content.encode(), lambda line, text: found.append((line, text)))
    assert sorted(found) == expected


def test_a_file_has_one_problem_with_the_first_place_and_the_number_of_others() -> None:
    path = f"GIT_REMOTE.{LID}"
    files = execution_files() | {path: b"origin\thttps://h/r (fetch)\nx\ny\nz\n"}
    inventory = take_inventory([FileEntry(name, len(files[name])) for name in files], LID)
    for _ in range(2):  # the second time from the cache
        parsed = parse_execution(inventory, Content(files=files), 10_000)
        assert [(p.file, p.reason, p.detail) for p in parsed.problems] == [
            (path, "not_understood", "not understood: line 2: x (and 2 more)")
        ]
        assert parsed.is_complete
        assert parsed.variables["git_remote.origin"] == "https://h/r"


def test_files_that_are_parsed_incrementally_report_what_the_first_one_did() -> None:
    def parse(content: bytes, artefact: str) -> ParsedLines:
        return ParsedLines(content, {}, {}, lambda _line, _old, _new: None, ((2, "what?"),))

    cache, unknown = ParseCache(), NotUnderstood()
    for _ in range(2):
        cache.variables("atm_in", b"a\nb\n", parse, unknown.add)
    assert (unknown.count, unknown.line, unknown.text) == (2, 2, "what?")


def test_secrets_in_what_is_not_understood_are_masked() -> None:
    path = f"GIT_REMOTE.{LID}"
    files = execution_files() | {path: b"origin https://me:hunter2@h/r (fetch)\n"}
    inventory = take_inventory([FileEntry(name, len(files[name])) for name in files], LID)
    (problem,) = parse_execution(inventory, Content(files=files), 10_000).problems
    assert "hunter2" not in problem.detail


def test_a_long_text_is_cut() -> None:
    unknown = NotUnderstood()
    unknown.add(1, "x" * 10_000)
    assert len(unknown.detail) < 300
