"""Errors and warnings of a build log, with the lines around them."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.builds.logs.rules import (
    Finding,
    Kind,
    Severity,
    SourceLine,
    find,
    is_gfortran_message,
    place_after_message,
    place_before_message,
)
from ingest.builds.logs.stream import LogLine
from models.redaction.logs import PrivateKey
from models.redaction.text import MASK, masked_text

_TRACEBACK = re.compile(r"(?P<indent>\s{0,80})Traceback \(most recent call last\):$")
_FRAME = re.compile(r'\s{0,80}File "(?P<file>[^"]{1,999})", line (?P<line>[0-9]{1,9})')
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?::|$)")
_MAX_PLACE_DISTANCE = 20  # lines between a place and its message
_MAX_MESSAGE_LINES = 8
_MAX_TRACEBACK_LINES = 2000
_FATAL: frozenset[Kind] = frozenset({"make", "ninja", "cmake", "configure", "spack", "python"})


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An error or a warning; `log_line` counts from 1 and is the first line of `text`.

    `text` has several lines when the message has. `before` and `after` are the lines around it, in
    the order of the log. `repeat_count` is how often the same message occurs again in the same
    phase. Shortened lines end in an ellipsis.
    """

    severity: Severity
    kind: Kind
    text: str
    log_line: int
    phase: str | None = None
    source_file: str | None = None
    source_line: int | None = None
    source_column: int | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    repeat_count: int = 0
    log: str | None = None


@dataclass(frozen=True, slots=True)
class EventLimits:
    """Upper bounds of what is kept.

    `context` counts lines on either side of an event, `events` events, `text` characters of the
    first line of a message, and `line` characters of any other line. `characters` bounds all texts
    and contexts together, so that they fit into one document.
    """

    context: int = 6
    events: int = 1000
    text: int = 2000
    line: int = 500
    characters: int = 3_000_000


@dataclass(slots=True)
class _Draft:
    """An event that is still being read."""

    finding: Finding
    number: int
    phase: str | None
    before: list[str]
    lines: list[str]
    after: list[str] = field(default_factory=list)
    count: int = 1

    @property
    def key(self) -> tuple[object, ...]:
        """What repetitions of the same event have in common."""
        finding = self.finding
        place = (finding.file, finding.line, finding.column)
        return (finding.severity, *place, self.phase, *self.lines)

    @property
    def size(self) -> int:
        return sum(map(len, (*self.before, *self.lines, *self.after)))


@dataclass(slots=True)
class _Trace:
    """A Python traceback that is being read."""

    number: int
    phase: str | None
    indent: int
    before: list[str]
    place: SourceLine | None = None
    length: int = 0


class EventReader:
    """Takes the lines of a log in order and collects the events in them.

    `errors` and `warnings` count all occurrences, `omitted` those without an event because a limit
    was reached. `fatal_phase` is the phase of the last message that ends a build.

    A message may have more lines than the one that begins it. Until it ends, the event is in
    `_growing` (a message) or `_trace` (a Python traceback); after that, `_open` holds the events
    whose context `after` is not complete:

        ../x.F90:12:8:                              place of a message that follows: `_place`
        CMake Error at CMakeLists.txt:3 (find):     an event begins: `_growing`
          Could not find NetCDF                     indented: belongs to it
        -- Configuring incomplete, errors occurred! the next event; context of the one before
    """

    def __init__(
        self, limits: EventLimits | None = None, redact: Callable[[str], str] = masked_text
    ) -> None:
        self._limits = limits or EventLimits()
        self._redact = redact
        self._key = PrivateKey()
        self._before: deque[str] = deque(maxlen=self._limits.context)
        self._drafts: dict[tuple[object, ...], _Draft] = {}
        self._open: list[_Draft] = []
        self._growing: _Draft | None = None
        self._trace: _Trace | None = None
        self._place: tuple[int, SourceLine] | None = None
        self._room = self._limits.characters
        self.errors = self.warnings = self.omitted = 0
        self.fatal_phase: str | None = None

    def take(self, line: LogLine, phase: str | None = None) -> None:
        """Read the next line, which belongs to `phase`."""
        if not line.text and self._is_idle:
            self._before.append("")
            return
        line = self._masked(line)
        text = line.text
        is_message = self._growing is not None and self._extend_message(self._growing, text)
        self._extend_contexts(text)
        if not is_message and not (self._trace and self._extend_trace(self._trace, line, phase)):
            self._find(line, phase)
        self._before.append(_clipped(text, self._limits.line))

    @property
    def _is_idle(self) -> bool:
        """Whether nothing is being read that an empty line could belong to."""
        return not (self._open or self._growing or self._trace or self._key.is_open)

    def _masked(self, line: LogLine) -> LogLine:
        """Mask credentials that could not be recognized any more when the event is complete.

        These are the lines of a private key, and lines that are about to be cut.
        """
        if self._key.is_key_line(line.text):
            return line._replace(text=MASK)
        if len(line.text) > self._limits.line:
            return line._replace(text=self._redact(line.text))
        return line

    def _find(self, line: LogLine, phase: str | None) -> None:
        text = line.text
        place = place_before_message(text)
        if place is not None:
            if self._place is None or line.number - self._place[0] > _MAX_PLACE_DISTANCE:
                self._place = line.number, place
            return
        if "Traceback" in text:
            match = _TRACEBACK.match(text)
            if match is not None:
                self._trace = _Trace(line.number, phase, len(match["indent"]), list(self._before))
                return
        finding = find(text)
        if finding is not None:
            self._begin(self._with_earlier_place(finding, line), line, phase)

    def _with_earlier_place(self, finding: Finding, line: LogLine) -> Finding:
        if finding.file or self._place is None or not is_gfortran_message(line.text):
            return finding
        number, place = self._place
        self._place = None
        if line.number - number > _MAX_PLACE_DISTANCE:
            return finding
        return Finding(finding.severity, "compiler", place.file, place.line, place.column)

    def _begin(self, finding: Finding, line: LogLine, phase: str | None) -> None:
        text = _clipped(line.text.strip(), self._limits.text)
        draft = _Draft(finding, line.number, phase, list(self._before), [text])
        if finding.follow:
            self._growing = draft
        else:
            self._register(draft)

    def _extend_message(self, draft: _Draft, text: str) -> bool:
        """Add a line to the message if it belongs to it; otherwise end the message.

        Return whether the line belongs to it.
        """
        if draft.finding.follow == "indented":
            if text[:1] in {" ", "\t"} and text.strip() and len(draft.lines) <= _MAX_MESSAGE_LINES:
                draft.lines.append(_clipped(text.strip(), self._limits.line))
                return True
        else:
            place = place_after_message(text)
            if place is not None:
                draft.finding = draft.finding._replace(
                    file=place.file, line=place.line, column=place.column
                )
        self._growing = None
        self._register(draft)
        return False

    def _extend_trace(self, trace: _Trace, line: LogLine, phase: str | None) -> bool:
        """Read a line of a traceback; return False when the line is not a part of it."""
        text = line.text
        trace.length += 1
        body = text[trace.indent :]
        is_inside = not text[: trace.indent].strip() and trace.length < _MAX_TRACEBACK_LINES
        if is_inside and (not body or body[0] in {" ", "\t"}):
            frame = _FRAME.match(body)
            if frame is not None:
                trace.place = SourceLine(frame["file"], int(frame["line"]), None)
            return True
        self._trace = None
        place = trace.place or SourceLine("", None, None)
        finding = Finding("error", "python", place.file or None, place.line, None, "indented")
        if is_inside and _EXCEPTION.match(body):
            self._begin(finding, line, phase)
            return True
        self._register_header(trace)
        return False

    def _register_header(self, trace: _Trace) -> None:
        """Register a traceback without its last line, which would name the exception."""
        finding = Finding("error", "python")
        header = "Traceback (most recent call last):"
        self._register(_Draft(finding, trace.number, trace.phase, trace.before, [header]))

    def _register(self, draft: _Draft) -> None:
        is_error = draft.finding.severity == "error"
        self.errors += is_error
        self.warnings += not is_error
        if is_error and draft.finding.kind in _FATAL:
            self.fatal_phase = draft.phase
        known = self._drafts.get(draft.key)
        if known is not None:
            known.count += 1
        elif len(self._drafts) >= self._limits.events or self._room < draft.size:
            self.omitted += 1
        else:
            self._room -= draft.size
            self._drafts[draft.key] = draft
            if self._limits.context:
                self._open.append(draft)

    def _extend_contexts(self, text: str) -> None:
        """Add the line to the context of the events before it."""
        if not self._open:
            return
        clipped = _clipped(text, self._limits.line)
        for draft in self._open:
            draft.after.append(clipped)
            self._room -= len(clipped)
        self._open = [draft for draft in self._open if len(draft.after) < self._limits.context]

    def finish(self, log: str | None = None) -> tuple[LogEvent, ...]:
        """Return the events in the order of the log; `log` is the name of its file."""
        if self._growing is not None:
            self._register(self._growing)
            self._growing = None
        if self._trace is not None:
            self._register_header(self._trace)
            self._trace = None
        drafts = sorted(self._drafts.values(), key=lambda draft: draft.number)
        return tuple(self._event(draft, log) for draft in drafts)

    def _event(self, draft: _Draft, log: str | None) -> LogEvent:
        finding = draft.finding
        return LogEvent(
            finding.severity,
            finding.kind,
            self._redact("\n".join(draft.lines)),
            draft.number,
            draft.phase,
            finding.file and self._redact(finding.file),
            finding.line,
            finding.column,
            tuple(map(self._redact, draft.before)),
            tuple(map(self._redact, draft.after)),
            draft.count - 1,
            log,
        )


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}\u2026"
