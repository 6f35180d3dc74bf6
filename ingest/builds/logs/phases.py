"""The phases of a build: when each one ran, how long it took, and which one failed.

Source of the formats: Spack's installers (`install_times.json` of the old one), its builders
("Executing phase") and its tty (`==> [2025-01-31-12:59:59.123456] command`, local time).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from ingest.archives.json_file import count_of, parse_object, seconds_of, text_of
from ingest.builds.logs.stream import LogLine
from models.builds.build import PhaseStatus

STAGE = "stage"
_MARKER = re.compile(
    r"==> (?:\[[^\]]{1,40}\] )?(?:(?P<package>[^\s:]{1,200}): )?"
    r"Executing phase: '(?P<phase>[^']{1,100})'"
)
_STAMP = re.compile(
    r"==> \[(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})-(?P<time>[0-9:]{8}(?:\.[0-9]{1,6})?)\]"
)
_MAX_PHASES = 1000


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """The time that a phase took; `count` is how often it ran."""

    name: str
    seconds: float | None
    count: int = 1


@dataclass(frozen=True, slots=True)
class InstallTimes:
    """Times measured by the old installer; `from_cache` means that a binary was unpacked."""

    package: str | None
    spec_hash: str | None
    total: float | None
    from_cache: bool | None
    phases: tuple[PhaseTime, ...]


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """The part of a log that belongs to a phase: lines from 1, and bytes of the expanded log.

    `started` and `last` are the first and the last time in this part, in ISO local time.
    """

    name: str
    first_line: int
    last_line: int
    offset: int
    end: int
    started: str | None = None
    last: str | None = None
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of a build; `seconds` is measured, or else the time until the next phase began."""

    name: str
    status: PhaseStatus
    seconds: float | None = None
    started: str | None = None
    span: PhaseSpan | None = None


def parse_install_times(content: bytes) -> InstallTimes:
    """Return the times of install_times.json; ParseError as of `parse_object`."""
    document = parse_object(content)
    phases = document.get("phases")
    cache = document.get("cache")
    return InstallTimes(
        text_of(document.get("name")),
        text_of(document.get("hash")),
        seconds_of(document.get("total")),
        cache if isinstance(cache, bool) else None,
        tuple(_times(phases[:_MAX_PHASES] if isinstance(phases, list) else [])),
    )


def _times(phases: list[object]) -> Iterable[PhaseTime]:
    for phase in phases:
        if isinstance(phase, Mapping):
            name = text_of(phase.get("name"))
            if name is not None:
                count = count_of(phase.get("count"))
                yield PhaseTime(name, seconds_of(phase.get("seconds")), count or 1)


class PhaseReader:
    """Takes the lines of a log in order and assigns each to a phase.

    Lines before the first marker belong to `initial`: to staging, or in the log of one phase to
    that phase.
    """

    def __init__(self, initial: str = STAGE) -> None:
        self._spans: list[PhaseSpan] = []
        self._first: LogLine | None = None
        self._latest: LogLine | None = None
        self._started: str | None = None
        self._last: str | None = None
        self.current = initial
        self.package: str | None = None

    def take(self, line: LogLine) -> str:
        """Read the next line, and return the phase that it belongs to."""
        if line.text.startswith("==> "):
            marker = _MARKER.match(line.text)
            if marker is not None:
                self.package = self.package or marker["package"]
                if marker["phase"] != self.current and len(self._spans) < _MAX_PHASES:
                    self._close()
                    self.current = marker["phase"]
            self._last = _stamp(line.text) or self._last
            self._started = self._started or self._last
        self._first = self._first or line
        self._latest = line
        return self.current

    def _close(self) -> None:
        if self._first is not None and self._latest is not None:
            first, latest = self._first, self._latest
            self._spans.append(
                PhaseSpan(
                    self.current, first.number, latest.number, first.offset, latest.end,
                    self._started, self._last,
                )
            )  # fmt: skip
        self._first = self._latest = self._started = self._last = None

    def finish(self, log: str | None = None) -> tuple[PhaseSpan, ...]:
        """Return the parts of the log in order; `log` is the name of its file."""
        self._close()
        return tuple(replace(span, log=log) for span in self._spans)


def _stamp(text: str) -> str | None:
    if not text.startswith("==> ["):
        return None
    match = _STAMP.match(text)
    return None if match is None else f"{match['day']}T{match['time']}"


def describe_phases(
    spans: Sequence[PhaseSpan], times: InstallTimes | None, failed: str | None, is_over: bool
) -> tuple[Phase, ...]:
    """Return the phases in order with their outcomes, from the log and the measured times.

    All phases except the one that `failed` were successful. Unless the build `is_over`, the outcome
    of its last phase is unknown.
    """
    by_name = {span.name: span for span in reversed(spans)}
    measured = {time.name: time for time in times.phases} if times else {}
    names = list(dict.fromkeys([*measured, *(span.name for span in spans)]))
    until_next = _until_next(spans)
    phases = []
    for name in names:
        span = by_name.get(name)
        seconds = measured[name].seconds if name in measured else until_next.get(name)
        is_last = name == names[-1]
        status: PhaseStatus = "success" if is_over or not is_last else "unknown"
        if name == failed:
            status = "failed"
        phases.append(Phase(name, status, seconds, span.started if span else None, span))
    return tuple(phases)


def _until_next(spans: Sequence[PhaseSpan]) -> dict[str, float]:
    """Return the seconds from the start of each phase to the start of the next."""
    seconds: dict[str, float] = {}
    for span, following in pairwise(spans):
        start, end = _moment(span.started), _moment(following.started)
        if start is not None and end is not None and end >= start:
            seconds.setdefault(span.name, (end - start).total_seconds())
    return seconds


def _moment(stamp: str | None) -> datetime | None:
    try:
        return None if stamp is None else datetime.fromisoformat(stamp)
    except ValueError:
        return None
