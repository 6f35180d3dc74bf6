"""Outcomes of tests: of `spack test run`, and of the tests that ran while a package was built.

Source of the format: Spack's install_test.py. A stage `<suite>/` holds `results.txt` (a line
`<name>-<version>-<hash> PASSED` for each spec), `<id>-test-out.txt` and `<id>-tested.txt` (a
number) for each spec, and `test_suite.lock`, the specs themselves.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingest.archives.content import text_lines
from ingest.builds.logs.stream import LogLine, expanded, log_lines
from models.builds.build import TestOutcome
from models.redaction.logs import Redactor

TEST_LOG = "install-time-test-log.txt"
_OUTCOMES: dict[str, TestOutcome] = {
    "PASSED": "passed", "FAILED": "failed", "SKIPPED": "skipped", "NO_TESTS": "no_tests",
    "NO-TESTS": "no_tests", "PASS": "passed", "XFAIL": "passed", "FAIL": "failed",
    "XPASS": "failed", "ERROR": "failed", "SKIP": "skipped",
}  # fmt: skip
_NUMBERS: dict[str, TestOutcome] = {
    "-1": "no_tests", "0": "skipped", "1": "failed", "2": "passed",
}  # fmt: skip
_SPACK = re.compile(
    r"(?P<outcome>PASSED|FAILED|SKIPPED|NO[_-]TESTS): (?P<name>[^\s:]{1,200}(?:::[^\s:]{1,200})?)"
    r"(?:: (?P<message>.*))?"
)
_CTEST = re.compile(
    r"\s{0,9}[0-9]{1,9}/[0-9]{1,9} {1,20}Test {1,20}#[0-9]{1,9}: (?P<name>\S{1,200}) ?[. ]{0,200}"
    r"(?P<outcome>Passed|\*{3}[A-Z][\w ]{0,40}?(?:: ?[A-Z]\w{0,40})?)"
    r" {1,40}(?P<seconds>[0-9]{1,9}\.[0-9]{1,9}) sec"
)
_AUTOMAKE = re.compile(r"(?P<outcome>PASS|FAIL|SKIP|XFAIL|XPASS|ERROR): (?P<name>\S{1,500})")
_RESULT = re.compile(r"(?P<id>\S{1,500}) (?P<outcome>[A-Za-z_-]{1,20})")
_MAX_TESTS = 100_000


@dataclass(frozen=True, slots=True)
class TestResult:
    """The outcome of one test; `name` is as the test program prints it."""

    __test__ = False

    name: str
    outcome: TestOutcome
    seconds: float | None = None
    message: str | None = None


def read_test_log(chunks: Iterable[bytes], redactor: Redactor) -> tuple[TestResult, ...]:
    """Return the results in a log of tests by Spack, CTest or Automake, in its order.

    When a name occurs again, its last result counts. ParseError as of `expanded`.
    """
    results = dict[str, TestResult]()
    for line in log_lines(expanded(chunks)):
        result = _result(line, redactor)
        if result is not None and len(results) < _MAX_TESTS:
            results[result.name] = result
    return tuple(results.values())


def _result(line: LogLine, redactor: Redactor) -> TestResult | None:
    match = _SPACK.fullmatch(line.text) or _AUTOMAKE.fullmatch(line.text)
    if match is not None:
        message = match.groupdict().get("message")
        masked = redactor.text(message[:1000]) if message else None
        return TestResult(match["name"], _OUTCOMES[match["outcome"]], None, masked)
    match = _CTEST.match(line.text) if " Test " in line.text else None
    if match is None:
        return None
    word = match["outcome"].strip("* ")
    outcome: TestOutcome = "passed" if word == "Passed" else "failed"
    if word.startswith(("Skipped", "Not Run")):
        outcome = "skipped"
    message = None if word == "Passed" else word
    return TestResult(match["name"], outcome, float(match["seconds"]), message)


def parse_results(content: bytes) -> dict[str, TestOutcome]:
    """Return the outcome of each spec in results.txt by its id; ignore all other lines."""
    return dict(_results(text_lines(content)))


def _results(lines: list[str]) -> Iterator[tuple[str, TestOutcome]]:
    for line in lines[:_MAX_TESTS]:
        match = _RESULT.fullmatch(line.strip())
        if match is not None and match["outcome"].upper() in _OUTCOMES:
            yield match["id"], _OUTCOMES[match["outcome"].upper()]


def parse_tested(content: bytes) -> TestOutcome | None:
    """Return the outcome for the number in a `-tested.txt`, or None for an unknown number."""
    return _NUMBERS.get(content[:20].decode("ascii", errors="replace").strip())
