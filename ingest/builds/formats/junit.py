"""JUnit reports of `spack install` and `spack test run`.

Source of the format: Spack's reporters/junit.py. A `<testsuite>` is one requested spec, a
`<testcase>` is one node of it: classname is the package, name the DAG hash, system-out the build's
log.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lxml import etree

from ingest.builds.formats.xml_report import parse_report

JUnitOutcome = Literal["success", "failed", "skipped"]

_HASH = re.compile(r"[a-z2-7]{32}")
_TIMESTAMPS = ("%a, %d %b %Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One node of a spec. It is skipped when it was installed already or could not start.

    `message` describes a failure, `log` is the output of the build. Both may contain credentials.
    """

    package: str
    name: str
    spec_hash: str | None
    outcome: JUnitOutcome
    seconds: float | None
    message: str | None
    log: bytes


@dataclass(frozen=True, slots=True)
class JUnitSuite:
    """One requested spec; `timestamp` is the start in ISO local time."""

    name: str
    timestamp: str | None
    seconds: float | None
    architecture: str | None
    cases: tuple[JUnitCase, ...]


def parse_junit(content: bytes) -> tuple[JUnitSuite, ...]:
    """Return the suites in the order of the report; ParseError as of `parse_report`."""
    root = parse_report(content, "testsuites", "testsuite")
    suites = [root] if root.tag == "testsuite" else root.iterfind("testsuite")
    return tuple(_suite(suite) for suite in suites)


def _suite(suite: "etree._Element") -> JUnitSuite:
    architecture = next(
        (
            property_.get("value")
            for property_ in suite.iterfind("properties/property")
            if property_.get("name") == "architecture"
        ),
        None,
    )
    return JUnitSuite(
        suite.get("name", ""),
        _timestamp(suite.get("timestamp", "")),
        _seconds(suite.get("time")),
        architecture,
        tuple(_cases(suite)),
    )


def _cases(suite: "etree._Element") -> Iterator[JUnitCase]:
    for case in suite.iterfind("testcase"):
        name = case.get("name", "")
        failure = case.find("failure")
        if failure is None:
            failure = case.find("error")
        outcome: JUnitOutcome = "success" if failure is None else "failed"
        if failure is None and case.find("skipped") is not None:
            outcome = "skipped"
        yield JUnitCase(
            case.get("classname", ""),
            name,
            name if _HASH.fullmatch(name) else None,
            outcome,
            _seconds(case.get("time")),
            None if failure is None else _message(failure),
            _log(case.findtext("system-out") or ""),
        )


def _log(text: str) -> bytes:
    """Return the log without the white space that the template puts around it."""
    log = text.lstrip("\n").rstrip()
    return f"{log}\n".encode() if log else b""


def _message(failure: "etree._Element") -> str:
    """Return the message and the text of a failure.

    The new installer writes `None` where the old one has a traceback.
    """
    parts = failure.get("message", "").strip(), (failure.text or "").strip()
    return "\n".join(part for part in parts if part and part != "None")


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "nan")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _timestamp(text: str) -> str | None:
    for form in _TIMESTAMPS:
        try:
            return datetime.strptime(text.strip()[:40], form).isoformat()
        except ValueError:
            continue
    return None
