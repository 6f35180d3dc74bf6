"""CDash reports of `spack install` and `spack test run`: one XML file for each step of a package.

Source of the format: Spack's reporters/cdash.py and the templates of its reports. A report has no
field for the hash of the spec: at most, paths in the output of the build contain it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from lxml import etree

from ingest.builds.formats.environment import spack_commit
from ingest.builds.formats.spec_name import SpecName, spec_in_text
from ingest.builds.formats.suite_results import TestResult
from ingest.builds.formats.xml_report import parse_report, text_below
from ingest.builds.logs.events import LogEvent
from ingest.builds.logs.rules import (
    Finding,
    Severity,
    find,
    is_gfortran_message,
    place_before_message,
)
from models.builds.build import TestOutcome
from models.errors import ParseError
from models.redaction.logs import Redactor

CDashStep = Literal["configure", "build", "update", "test"]

_STEPS: dict[str, CDashStep] = {
    "Configure": "configure", "Build": "build", "Test": "test", "Testing": "test",
}  # fmt: skip
_OUTCOMES: dict[str, TestOutcome] = {
    "passed": "passed", "failed": "failed", "notrun": "skipped", "skipped": "skipped",
}  # fmt: skip
_INTEGER = re.compile(r"[0-9]{1,9}")
_EPOCH = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,9})?")
_NO_TEXT = {"", "None", "(None,)"}


@dataclass(frozen=True, slots=True)
class CDashReport:
    """One step of the build of a package. Times are ISO in UTC.

    `has_failed` is None when the step does not say. `events` have as many lines of context as the
    report has. `log` is the output of the step; it may contain credentials.
    """

    step: CDashStep
    package: str
    site: str
    stamp: str
    generator: str | None
    spack_commit: str | None
    os_name: str | None
    os_release: str | None
    target: str | None
    started: str | None
    ended: str | None
    has_failed: bool | None
    spec: SpecName | None = None
    events: tuple[LogEvent, ...] = ()
    tests: tuple[TestResult, ...] = ()
    log: bytes = b""


def parse_cdash(content: bytes, redactor: Redactor) -> CDashReport:
    """Return the step in one of the files; ParseError as of `parse_report`, or `no_step`."""
    root = parse_report(content, "Site", "Update")
    if root.tag == "Update":
        return _update(root)
    for element in root:
        if element.tag in _STEPS:
            return _step(root, element, redactor)
    raise ParseError("no_step", "the report has no Configure, Build or Test element")


def _update(root: "etree._Element") -> CDashReport:
    return CDashReport(
        "update",
        _package(text_below(root, "BuildName")),
        text_below(root, "Site"),
        text_below(root, "BuildStamp"),
        None, None, None, None, None,
        _time(text_below(root, "StartTime")),
        _time(text_below(root, "EndTime")),
        None,
    )  # fmt: skip


def _step(root: "etree._Element", step: "etree._Element", redactor: Redactor) -> CDashReport:
    name = "Test" if step.tag == "Testing" else str(step.tag)
    package = _package(root.get("BuildName", ""))
    generator = root.get("Generator", "").removeprefix("spack-") or None
    events = tuple(_events(step, _STEPS[name], redactor))
    tests = tuple(_tests(step, redactor))
    log = text_below(step, "Log")
    return CDashReport(
        _STEPS[name],
        package,
        root.get("Name", ""),
        root.get("BuildStamp", ""),
        generator,
        spack_commit(generator),
        root.get("OSName") or None,
        root.get("OSRelease") or None,
        root.get("VendorString") or None,
        _time(text_below(step, f"Start{name}Time")),
        _time(text_below(step, f"End{name}Time")),
        _has_failed(step, events, tests),
        spec_in_text("\n".join([log, *(_context(event) for event in events)]), package),
        events=events,
        tests=tests,
        log=log.strip("\n").encode(),
    )


def _package(build_name: str) -> str:
    """Return the package in a build name, before which older Spacks put the requested spec."""
    return build_name.rpartition(":")[2].strip()


def _context(event: LogEvent) -> str:
    return "\n".join((event.text, *event.before, *event.after))


def _has_failed(
    step: "etree._Element", events: tuple[LogEvent, ...], tests: tuple[TestResult, ...]
) -> bool | None:
    status = text_below(step, "ConfigureStatus").strip()
    if status:
        return status != "0"
    if step.tag == "Build":
        return any(event.severity == "error" for event in events)
    return any(test.outcome == "failed" for test in tests) if tests else None


def _events(step: "etree._Element", phase: str, redactor: Redactor) -> Iterator[LogEvent]:
    severities: dict[str, Severity] = {"Error": "error", "Warning": "warning"}
    for element in step:
        if element.tag in severities:
            line = text_below(element, "BuildLogLine") or text_below(element, "TestLogLine")
            text = redactor.text(text_below(element, "Text").strip())
            before = _lines(text_below(element, "PreContext"), redactor)
            finding = _finding(element, text, before)
            yield LogEvent(
                severities[str(element.tag)],
                finding.kind,
                text,
                _number(line) or 0,
                phase,
                None if finding.file is None else redactor.text(finding.file),
                finding.line,
                finding.column,
                before,
                _lines(text_below(element, "PostContext"), redactor),
            )


def _finding(element: "etree._Element", text: str, before: tuple[str, ...]) -> Finding:
    """Return kind and place of an event: from the report, or else from the lines of the log."""
    finding = find(text) or Finding("error", "tool")
    file = text_below(element, "SourceFile").strip()
    if file not in _NO_TEXT:
        line = _number(text_below(element, "SourceLineNumber"))
        return finding._replace(file=file, line=line, column=None)
    if finding.file is None and is_gfortran_message(text):
        places = filter(None, map(place_before_message, reversed(before)))
        for place in places:
            return finding._replace(
                kind="compiler", file=place.file, line=place.line, column=place.column
            )
    return finding


def _lines(text: str, redactor: Redactor) -> tuple[str, ...]:
    return tuple(redactor.text(line) for line in text.split("\n")) if text else ()


def _tests(step: "etree._Element", redactor: Redactor) -> Iterator[TestResult]:
    for test in step.iterfind("Test"):
        values = {
            measurement.get("name", ""): text_below(measurement, "Value")
            for measurement in test.iterfind("Results/NamedMeasurement")
        }
        seconds = values.get("Execution Time", "").strip()
        outcome = _OUTCOMES.get(test.get("Status", "").replace(" ", "").lower())
        if outcome is not None:
            yield TestResult(
                text_below(test, "Name"),
                outcome,
                float(seconds) if _EPOCH.fullmatch(seconds) else None,
                redactor.text(values.get("Completion Status", "")[:1000]) or None,
            )


def _number(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text.strip()) else None


def _time(text: str) -> str | None:
    """Return the ISO time in UTC for seconds since 1970; None for anything else."""
    if not _EPOCH.fullmatch(text.strip()):
        return None
    return datetime.fromtimestamp(float(text), UTC).isoformat().replace("+00:00", "Z")
