"""The attempts that one unit of files describes. Pure except for reading the given files."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from ingest.builds.discover import Unit
from ingest.builds.file_names import SUITE
from ingest.builds.formats.attempt import BuildAttempt, LogFile
from ingest.builds.formats.build_files import Chunks, Files
from ingest.builds.formats.cdash import CDashReport, parse_cdash
from ingest.builds.formats.install_tree import (
    read_failed_log,
    read_install_tree,
    read_stage,
    redactor_for,
)
from ingest.builds.formats.junit import JUnitSuite, parse_junit
from ingest.builds.formats.monitor import read_monitor_directory
from ingest.builds.formats.report_attempts import cdash_attempts, junit_attempts
from ingest.builds.formats.suite_stage import TestedSpec, TestSuite, read_test_stage
from ingest.builds.formats.xml_report import MAX_REPORT_BYTES
from ingest.builds.logs.phases import Phase
from ingest.builds.logs.report import LogOptions, read_log
from ingest.builds.logs.stream import expanded
from ingest.builds.observation import ObservedBuild
from models.builds.build import BuildStatus, TestOutcome
from models.errors import ParseError
from models.redaction.logs import Redactor

_SNIFF_BYTES = 4096
_ROOT = re.compile(rb"<(testsuites|testsuite|Site|Update)[\s>]")
_STATUSES: dict[TestOutcome | None, BuildStatus | None] = {
    "passed": "success", "failed": "failed", "skipped": "not_run", "no_tests": "not_run",
    None: None,
}  # fmt: skip
_TEST_PHASE = "test"

Reader = Callable[[Unit, Files], list[ObservedBuild]]


def read_unit(unit: Unit, files: Files) -> list[ObservedBuild]:
    """Return the attempts in the order of the unit; ParseError when nothing of it can be read."""
    return _READERS[unit.kind](unit, files)


def _install_tree(unit: Unit, files: Files) -> list[ObservedBuild]:
    return [_with_files(read_install_tree(files, unit.name), unit, files)]


def _stage(unit: Unit, files: Files) -> list[ObservedBuild]:
    return [_with_files(read_stage(files, unit.name), unit, files)]


def _with_files(attempt: BuildAttempt, unit: Unit, files: Files) -> ObservedBuild:
    logs = {log.name: files[log.name] for log in attempt.logs}
    return ObservedBuild(attempt, unit.path, logs, redactor_for(files))


def _failed_log(unit: Unit, files: Files) -> list[ObservedBuild]:
    chunks = files[unit.name]
    attempt = read_failed_log(chunks(), unit.name)
    return [ObservedBuild(attempt, unit.path, {log.name: chunks for log in attempt.logs})]


def _monitor(unit: Unit, files: Files) -> list[ObservedBuild]:
    attempts = read_monitor_directory(files, Redactor())
    return [_with_content(attempt, unit.path) for attempt in attempts]


def _with_content(attempt: BuildAttempt, path: str) -> ObservedBuild:
    content = attempt.log_content
    if content is None:
        return ObservedBuild(attempt, path)
    logs: dict[str, Chunks] = {log.name: partial(_single, content) for log in attempt.logs[:1]}
    return ObservedBuild(attempt, path, logs)


def _single(content: bytes) -> list[bytes]:
    return [content]


def _reports(unit: Unit, files: Files) -> list[ObservedBuild]:
    """Return the attempts of the reports of a directory.

    Each JUnit file is a report of its own. Those CDash files that have the same site and stamp are
    one report.
    """
    observed: list[ObservedBuild] = []
    steps: dict[tuple[str, str], list[CDashReport]] = {}
    for name in sorted(files):
        match = _ROOT.search(_head(files[name]))
        if match is None:
            continue  # an XML file of another kind
        content = b"".join(expanded(files[name](), MAX_REPORT_BYTES + 1))
        if match[1] in {b"Site", b"Update"}:
            report = parse_cdash(content, Redactor())
            steps.setdefault((report.site, report.stamp), []).append(report)
        else:
            path = unit.path if name == unit.name else f"{unit.path}/{name}".lstrip("/")
            for suite in parse_junit(content):
                observed += _suite(suite, path)
    for (site, stamp), reports in sorted(steps.items()):
        session = _session("cdash", site, stamp)
        for attempt in cdash_attempts(reports):
            observed.append(replace(_with_content(attempt, unit.path), session=session))
    return observed


def _head(chunks: Chunks) -> bytes:
    head = b""
    for piece in expanded(chunks()):
        head += piece
        if len(head) >= _SNIFF_BYTES:
            break
    return head[:_SNIFF_BYTES]


def _suite(suite: JUnitSuite, path: str) -> list[ObservedBuild]:
    """Return the attempts of a suite; those that did not run name the first failure as their cause.

    Only the root of a suite can be `not_run`, and all other nodes are dependencies of it.
    """
    session = _session("junit", suite.name, suite.timestamp, suite.architecture)
    attempts = [
        replace(_with_content(attempt, path), session=session)
        for attempt in junit_attempts([suite], Redactor())
    ]
    cause = next((build for build in attempts if build.attempt.status == "failed"), None)
    return [
        replace(build, cause=cause) if build.attempt.status == "not_run" else build
        for build in sorted(attempts, key=lambda build: build.attempt.status == "not_run")
    ]


def _session(*parts: str | None) -> str:
    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()[:32]


def _test_stage(unit: Unit, files: Files) -> list[ObservedBuild]:
    suite = read_test_stage(files, Redactor())
    if not suite.specs:
        _check_suite(suite, files)
    tags = (suite.alias,) if suite.alias and suite.alias != unit.name else ()
    return [
        ObservedBuild(
            replace(_tested(spec, files), problems=suite.problems_of(spec)),
            unit.path,
            {spec.log: files[spec.log]} if spec.log else {},
            kind="test",
            source="test",
            tags=tags,
            session=_session("test", unit.name),
        )
        for spec in suite.specs
    ]


def _check_suite(suite: TestSuite, files: Files) -> None:
    """Raise ParseError for a suite without a spec; a mere file `results.txt` is not a suite."""
    for problem in suite.problems:
        raise ParseError(problem.reason, f"{problem.path}: {problem.detail}")
    if SUITE in files:
        raise ParseError("no_spec", f"there is no test of a spec beside {SUITE}")


def _tested(spec: TestedSpec, files: Files) -> BuildAttempt:
    """Return the tests of one spec as an attempt with one phase."""
    status = _STATUSES[spec.outcome]
    name = spec.log
    report = read_log(files[name](), LogOptions(phase=_TEST_PHASE, name=name)) if name else None
    span = report.phases[0] if report and report.phases else None
    has_failed = status == "failed"
    return BuildAttempt(
        "stage",
        spec.spec,
        status,
        (Phase(_TEST_PHASE, "failed" if has_failed else "success", None, None, span),)
        if status in {"success", "failed"}
        else (),
        _TEST_PHASE if has_failed else None,
        report.events if report else (),
        report.errors if report else 0,
        report.warnings if report else 0,
        report.omitted if report else 0,
        tests=spec.results,
        package=spec.spec.name if spec.spec else None,
        started=span.started if span else None,
        ended=span.last if span else None,
        logs=(LogFile(name, _TEST_PHASE, report.lines, report.size, report.damage),)
        if name and report
        else (),
    )


_READERS: Mapping[str, Reader] = {
    "install_tree": _install_tree,
    "stage": _stage,
    "log": _failed_log,
    "reports": _reports,
    "test_stage": _test_stage,
    "monitor": _monitor,
}
