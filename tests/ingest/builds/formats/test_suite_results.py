"""Outcomes of tests, from logs and from the stage of `spack test`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.builds.formats.spec_name import SpecName
from ingest.builds.formats.suite_results import (
    TestResult,
    parse_results,
    parse_tested,
    read_test_log,
)
from ingest.builds.formats.suite_stage import read_test_stage, root_node
from models.redaction.logs import Redactor
from tests.support.executions import files_in_memory, packed, reason_of

HASH = "abcdefghijklmnopqrstuvwxyz234567"
LOG = b"""==> Testing package p-1.0-abcdefg
==> [2026-01-02-03:04:05.5] test: test_x: does x
PASSED: P::test_x
FAILED: P::test_y: Command failed: 1
SKIPPED: P::test_z
==> [2026-01-02-03:04:06.5] Completed testing
P::test_x .. PASSED
"""


def results(log: bytes) -> list[TestResult]:
    return list(read_test_log([log], Redactor()))


def test_the_parts_of_a_test_of_spack_are_read() -> None:
    assert results(LOG) == [
        TestResult("P::test_x", "passed"),
        TestResult("P::test_y", "failed", None, "Command failed: 1"),
        TestResult("P::test_z", "skipped"),
    ]


@pytest.mark.parametrize(
    ("line", "result"),
    [
        pytest.param(
            "1/2 Test #1: t_a ...........................   Passed    0.01 sec",
            TestResult("t_a", "passed", 0.01), id="CTest",
        ),
        pytest.param(
            " 2/12 Test  #2: t_b ..............***Failed    1.50 sec",
            TestResult("t_b", "failed", 1.5, "Failed"), id="CTest failed",
        ),
        pytest.param(
            "3/3 Test #3: t_c ...***Exception: SegFault  0.20 sec",
            TestResult("t_c", "failed", 0.2, "Exception: SegFault"), id="CTest crashed",
        ),
        pytest.param(
            "3/3 Test #3: t_c ...***Not Run   0.00 sec",
            TestResult("t_c", "skipped", 0.0, "Not Run"), id="CTest not run",
        ),
        pytest.param("PASS: check_a", TestResult("check_a", "passed"), id="Automake"),
        pytest.param("FAIL: check_a", TestResult("check_a", "failed"), id="Automake failed"),
        pytest.param("NO-TESTS: P", TestResult("P", "no_tests"), id="no tests"),
    ],
)  # fmt: skip
def test_the_tests_of_a_build_are_read(line: str, result: TestResult) -> None:
    assert results(f"x\n{line}\ny\n".encode()) == [result]


@pytest.mark.parametrize("line", ["100% tests passed", "    Start 1: t_a", "# PASS:  3", "PASSED"])
def test_other_lines_are_none(line: str) -> None:
    assert results(line.encode()) == []


def test_a_packed_log_is_read_and_a_cut_one_refused() -> None:
    assert len(results(packed(LOG))) == 3
    assert reason_of(lambda: results(packed(LOG)[:-4])) == "truncated"


def test_the_outcome_of_each_spec_is_read() -> None:
    content = b"p-1.0-abcdefg PASSED\nq-2-bcdefgh NO-TESTS\nnonsense\nr-3-x untested\n"
    assert parse_results(content) == {"p-1.0-abcdefg": "passed", "q-2-bcdefgh": "no_tests"}


@pytest.mark.parametrize(
    ("content", "outcome"),
    [(b"2\n", "passed"), (b"1", "failed"), (b"0", "skipped"), (b"-1\n", "no_tests"), (b"x", None)],
)
def test_a_number_stands_for_an_outcome(content: bytes, outcome: str | None) -> None:
    assert parse_tested(content) == outcome


ROOT = {"name": "p", "version": "1.0", "hash": HASH}
SUITE = {"specs": [{"spec": {"nodes": [ROOT]}}], "alias": "a"}


def test_a_stage_is_read_whole() -> None:
    files = files_in_memory(
        {
            "results.txt": b"p-1.0-abcdefg FAILED\n",
            "p-1.0-abcdefg-test-out.txt": LOG,
            "q-2-bcdefgh-test-out.txt": b"",
            "q-2-bcdefgh-tested.txt": b"-1",
            "test_suite.lock": json.dumps(SUITE).encode(),
        }
    )
    suite = read_test_stage(files, Redactor())
    first, second = suite.specs
    assert suite.alias == "a"
    assert (first.spec, first.outcome, len(first.results)) == (
        SpecName("p", "1.0", HASH),
        "failed",
        3,
    )
    assert (second.spec, second.outcome) == (SpecName("q", "2", "bcdefgh"), "no_tests")


def test_a_damaged_file_of_a_stage_is_a_problem_of_the_stage() -> None:
    files = files_in_memory({"results.txt": b"p-1.0-abcdefg PASSED\n", "test_suite.lock": b"{"})
    suite = read_test_stage(files, Redactor())
    assert [(p.path, p.reason) for p in suite.problems] == [("test_suite.lock", "not_json")]
    assert [s.outcome for s in suite.specs] == ["passed"]


@pytest.mark.parametrize(
    ("document", "name"),
    [
        pytest.param({"spec": {"nodes": [{"name": "p", "hash": "h"}]}}, "p", id="of today"),
        pytest.param({"spec": [{"p": {"hash": "h"}}]}, "p", id="before 0.17"),
        pytest.param({"spec": {"spec": {"nodes": [{"name": "p", "hash": "h"}]}}}, "p", id="nested"),
        pytest.param({"spec": {"nodes": []}}, None, id="empty"),
        pytest.param({"spec": {"nodes": [1]}}, None, id="no node"),
        pytest.param({"spec": [{"p": 1}]}, None, id="no fields"),
        pytest.param([], None, id="list"),
    ],
)
def test_the_root_of_a_spec_is_its_first_node(document: object, name: str | None) -> None:
    assert root_node(document).get("name") == name


@given(st.binary())
def test_any_bytes_give_outcomes(content: bytes) -> None:
    assert reason_of(lambda: results(content)) in {None, "truncated", "damaged"}
    assert parse_tested(content) in {None, "passed", "failed", "skipped", "no_tests"}
    assert isinstance(parse_results(content), dict)
