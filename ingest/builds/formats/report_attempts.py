"""Attempts to build from the reports of Spack alone, without any file of the build itself."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ingest.builds.formats.attempt import BuildAttempt, LogFile, timeline_of
from ingest.builds.formats.cdash import CDashReport, CDashStep
from ingest.builds.formats.junit import JUnitCase, JUnitSuite
from ingest.builds.formats.spec_name import SpecName, spec_in_text
from ingest.builds.logs.phases import Phase
from ingest.builds.logs.report import LogOptions, read_log
from models.builds.build import BuildHost, BuildStatus, PhaseStatus
from models.redaction.logs import Redactor

_ORDER: tuple[CDashStep, ...] = ("update", "configure", "build", "test")


def junit_attempts(suites: Iterable[JUnitSuite], redactor: Redactor) -> tuple[BuildAttempt, ...]:
    """Return the attempts of a JUnit report, in its order.

    A skipped node is not an attempt, with one exception: when another node failed, the requested
    spec itself becomes an attempt with the status `not_run`.
    """
    return tuple(_junit_attempts(suites, redactor))


def _junit_attempts(suites: Iterable[JUnitSuite], redactor: Redactor) -> Iterator[BuildAttempt]:
    for suite in suites:
        has_failure = any(case.outcome == "failed" for case in suite.cases)
        for case in suite.cases:
            if case.outcome != "skipped":
                yield _junit_attempt(suite, case, redactor)
            elif has_failure and case.package == suite.name:
                yield BuildAttempt("junit", _junit_spec(case, ""), "not_run", package=case.package)


def _junit_attempt(suite: JUnitSuite, case: JUnitCase, redactor: Redactor) -> BuildAttempt:
    name = "system-out"
    report = read_log([case.log], LogOptions(name=name, redactor=redactor))
    status: BuildStatus = "success" if case.outcome == "success" else "failed"
    timeline = timeline_of(report, None, status)
    return BuildAttempt(
        "junit",
        _junit_spec(case, case.log.decode("utf-8", errors="replace")),
        status,
        timeline.phases,
        timeline.failed_phase,
        report.events,
        report.errors,
        report.warnings,
        report.omitted,
        package=case.package,
        started=timeline.started or suite.timestamp,
        ended=timeline.ended,
        seconds=case.seconds,
        message=None if case.message is None else redactor.text(case.message[:10_000]),
        logs=(LogFile(name, None, report.lines, report.size),) if case.log else (),
        log_content=case.log or None,
    )


def _junit_spec(case: JUnitCase, log: str) -> SpecName | None:
    spec = spec_in_text(log, case.package)
    if case.spec_hash is None:
        return spec
    is_same = spec is not None and spec.hash == case.spec_hash
    return SpecName(case.package, spec.version if spec and is_same else None, case.spec_hash)


class _Submission(NamedTuple):
    """The values that all files of one build have in common."""

    site: str
    package: str
    stamp: str


def cdash_attempts(reports: Iterable[CDashReport]) -> tuple[BuildAttempt, ...]:
    """Return one attempt for each site, package and stamp, in the order of their first reports."""
    builds: dict[_Submission, dict[CDashStep, CDashReport]] = {}
    for report in reports:
        key = _Submission(report.site, report.package, report.stamp)
        builds.setdefault(key, {})[report.step] = report
    return tuple(
        _cdash_attempt(key, [steps[step] for step in _ORDER if step in steps])
        for key, steps in builds.items()
    )


def _cdash_attempt(key: _Submission, reports: Sequence[CDashReport]) -> BuildAttempt:
    steps = [report for report in reports if report.step != "update"]
    failed = next((report.step for report in steps if report.has_failed), None)
    is_known = any(report.has_failed is not None for report in steps)
    status: BuildStatus | None = "failed" if failed else "success" if is_known else None
    events = tuple(event for report in steps for event in report.events)
    with_log = next((report for report in steps if report.log), None)
    return BuildAttempt(
        "cdash",
        next((report.spec for report in steps if report.spec), None),
        status,
        tuple(_cdash_phase(report) for report in steps),
        failed,
        events,
        sum(event.severity == "error" for event in events),
        sum(event.severity == "warning" for event in events),
        host=_cdash_host(key, steps),
        tests=tuple(test for report in steps for test in report.tests),
        package=key.package,
        started=min((report.started for report in reports if report.started), default=None),
        ended=max((report.ended for report in reports if report.ended), default=None),
        logs=(_cdash_log(with_log),) if with_log else (),
        log_content=with_log.log if with_log else None,
    )


def _cdash_phase(report: CDashReport) -> Phase:
    statuses: dict[bool | None, PhaseStatus] = {True: "failed", False: "success", None: "unknown"}
    return Phase(report.step, statuses[report.has_failed], started=report.started)


def _cdash_log(report: CDashReport) -> LogFile:
    return LogFile("Log", report.step, report.log.count(b"\n") + 1, len(report.log))


def _cdash_host(key: _Submission, steps: Sequence[CDashReport]) -> BuildHost | None:
    for report in steps:
        return BuildHost(
            host_os=None,
            platform=report.os_name.lower() if report.os_name else None,
            host_target=report.target,
            hostname=key.site or None,
            kernel_version=report.os_release,
            spack_version=report.generator,
            spack_commit=report.spack_commit,
        )
    return None
