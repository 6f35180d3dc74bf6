"""A whole build log, read once: its events, its phases, and whether the build failed in it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ingest.builds.logs.events import EventLimits, EventReader, LogEvent
from ingest.builds.logs.phases import STAGE, PhaseReader, PhaseSpan
from ingest.builds.logs.stream import LOG_BUDGET, LogLine, expanded, log_lines
from models.errors import ParseError
from models.redaction.logs import Redactor


@dataclass(frozen=True, slots=True)
class LogReport:
    """What a log tells. `size` is in bytes, expanded.

    `errors` and `warnings` count occurrences; `omitted` are those that have no event because there
    are too many. `failed_phase` is the last phase, if a message that ends builds stands in it.
    `damage` is the reason of a ParseError that ended the reading: what came before it is here.
    """

    package: str | None = None
    lines: int = 0
    size: int = 0
    events: tuple[LogEvent, ...] = ()
    errors: int = 0
    warnings: int = 0
    omitted: int = 0
    phases: tuple[PhaseSpan, ...] = ()
    failed_phase: str | None = None
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How a log is read: `phase` is that of a log of its own, `budget` in bytes expanded."""

    phase: str = STAGE
    name: str | None = None
    budget: int = LOG_BUDGET
    limits: EventLimits = field(default_factory=EventLimits)
    redactor: Redactor = field(default_factory=Redactor)


def read_log(chunks: Iterable[bytes], options: LogOptions | None = None) -> LogReport:
    """Return what a log tells that comes in chunks, gzipped or plain; no bytes raise an error."""
    options = options or LogOptions()
    events = EventReader(options.limits, options.redactor.text)
    phases = PhaseReader(options.phase)
    last, damage = LogLine(0, 0, 0, ""), list[str]()
    for last in log_lines(_readable(expanded(chunks, options.budget), damage)):
        events.take(last, phases.take(last))
    spans = phases.finish(options.name)
    found = events.finish(options.name)
    return LogReport(
        phases.package,
        last.number,
        last.end,
        found,
        events.errors,
        events.warnings,
        events.omitted,
        spans,
        phases.current if spans and events.fatal_phase == phases.current else None,
        damage[0] if damage else None,
    )


def _readable(pieces: Iterator[bytes], damage: list[str]) -> Iterator[bytes]:
    try:
        yield from pieces
    except ParseError as error:
        damage.append(error.reason)


def join_reports(reports: Sequence[LogReport]) -> LogReport:
    """Return the report of a build whose phases have a log each, given in their order.

    Lines and bytes of events and phases count in the logs that they name.
    """
    if not reports:
        return LogReport()
    return replace(
        reports[-1],
        package=next((report.package for report in reports if report.package), None),
        lines=sum(report.lines for report in reports),
        size=sum(report.size for report in reports),
        events=tuple(event for report in reports for event in report.events),
        errors=sum(report.errors for report in reports),
        warnings=sum(report.warnings for report in reports),
        omitted=sum(report.omitted for report in reports),
        phases=tuple(span for report in reports for span in report.phases),
        damage=next((report.damage for report in reports if report.damage), None),
    )
