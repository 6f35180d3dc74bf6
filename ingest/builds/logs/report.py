"""LogReport: the events and phases of a build log, which is read once from start to end."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ingest.builds.logs.events import EventLimits, EventReader, LogEvent
from ingest.builds.logs.phases import STAGE, PhaseReader, PhaseSpan
from ingest.builds.logs.stream import MAX_LOG_BYTES, LogLine, expanded, log_lines
from models.errors import ParseError
from models.redaction.logs import MAX_LINE_BYTES, Redactor


@dataclass(frozen=True, slots=True)
class LogReport:
    """The content of a log; `size` is in bytes of the expanded log.

    `errors` and `warnings` count occurrences; `omitted` of these have no event because there are
    too many. `failed_phase` is the last phase, if it contains a message that ends a build. `damage`
    is the reason of a ParseError that ended the reading; the report describes what came before it.
    It is `long_line` when a line is so long that only its beginning is stored.
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
    """How to read a log; `phase` is the phase of its first lines, `budget` its size in bytes.

    The budget applies to the expanded log.
    """

    phase: str = STAGE
    name: str | None = None
    budget: int = MAX_LOG_BYTES
    limits: EventLimits = field(default_factory=EventLimits)
    redactor: Redactor = field(default_factory=Redactor)


def read_log(chunks: Iterable[bytes], options: LogOptions | None = None) -> LogReport:
    """Return the report of a log in chunks, gzipped or plain; no content raises an error."""
    options = options or LogOptions()
    events = EventReader(options.limits, options.redactor.text)
    phases = PhaseReader(options.phase)
    line, damage, longest = LogLine(0, 0, 0, ""), list[str](), 0
    for line in log_lines(_readable(expanded(chunks, options.budget), damage)):
        longest = max(longest, line.end - line.offset)
        events.take(line, phases.take(line))
    if longest > MAX_LINE_BYTES + 1:  # with the line end
        damage.append("long_line")
    spans = phases.finish(options.name)
    return LogReport(
        phases.package,
        line.number,
        line.end,
        events.finish(options.name),
        events.errors,
        events.warnings,
        events.omitted,
        spans,
        phases.current if spans and events.fatal_phase == phases.current else None,
        damage[0] if damage else None,
    )


def _readable(pieces: Iterator[bytes], damage: list[str]) -> Iterator[bytes]:
    """Yield pieces until a ParseError, and append its reason to `damage`."""
    try:
        yield from pieces
    except ParseError as error:
        damage.append(error.reason)


def join_reports(reports: Sequence[LogReport]) -> LogReport:
    """Return the report of a build that has one log for each phase; keep the order of `reports`.

    Lines and bytes of events and phases still refer to the log that each of them names.
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
