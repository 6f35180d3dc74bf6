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
    place_ahead,
    place_behind,
)
from ingest.builds.logs.stream import LogLine
from models.redaction.logs import PrivateKey
from models.redaction.text import MASK, masked_text

_TRACEBACK = re.compile(r"(?P<indent>\s{0,80})Traceback \(most recent call last\):$")
_FRAME = re.compile(r'\s{0,80}File "(?P<file>[^"]{1,999})", line (?P<line>[0-9]{1,9})')
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?::|$)")
_PLACE_REACH = 20
_LONGEST_MESSAGE = 8
_LONGEST_TRACEBACK = 2000
_FATAL: frozenset[Kind] = frozenset({"make", "ninja", "cmake", "configure", "spack", "python"})


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An error or a warning; `log_line` counts from 1 and is the first line of `text`.

    `text` has several lines where the message has. `before` and `after` are the lines around
    these, nearest to the event last and first. `repeat_count` is how often the same message
    comes again in the same phase. Lines that were shortened end in an ellipsis.
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
    """How much is kept: lines of context on either side, events, characters of texts and lines.

    `characters` bounds all texts and contexts together, so that they fit into one document.
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
        found = self.finding
        return (found.severity, found.file, found.line, found.column, self.phase, *self.lines)

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
    """Takes the lines of a log in order, and tells the events that were in them.

    `errors` and `warnings` count all occurrences, `omitted` those that no event stands for because
    the limits were reached. `fatal_phase` is the phase of the last message that ends a build.
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
        self._ahead: tuple[int, SourceLine] | None = None
        self._room = self._limits.characters
        self.errors = self.warnings = self.omitted = 0
        self.fatal_phase: str | None = None

    def take(self, line: LogLine, phase: str | None = None) -> None:
        """Read the next line, which belongs to `phase`."""
        line = self._safe(line)
        text = line.text
        is_message = self._growing is not None and self._grow(self._growing, text)
        self._feed(text)
        if not is_message and not (self._trace and self._goes_on(self._trace, line, phase)):
            self._look(line, phase)
        self._before.append(_clipped(text, self._limits.line))

    def _safe(self, line: LogLine) -> LogLine:
        """Mask what could not be known any more as a credential when the event is made."""
        if self._key.holds(line.text):
            return line._replace(text=MASK)
        if len(line.text) > self._limits.line:
            return line._replace(text=self._redact(line.text))
        return line

    def _look(self, line: LogLine, phase: str | None) -> None:
        text = line.text
        place = place_ahead(text)
        if place is not None:
            if self._ahead is None or line.number - self._ahead[0] > _PLACE_REACH:
                self._ahead = line.number, place
            return
        if "Traceback" in text:
            match = _TRACEBACK.match(text)
            if match is not None:
                self._trace = _Trace(line.number, phase, len(match["indent"]), list(self._before))
                return
        finding = find(text)
        if finding is not None:
            self._note(self._with_place_ahead(finding, line), line, phase)

    def _with_place_ahead(self, finding: Finding, line: LogLine) -> Finding:
        if finding.file or self._ahead is None or not is_gfortran_message(line.text):
            return finding
        number, place = self._ahead
        self._ahead = None
        if line.number - number > _PLACE_REACH:
            return finding
        return Finding(finding.severity, "compiler", place.file, place.line, place.column)

    def _note(self, finding: Finding, line: LogLine, phase: str | None) -> None:
        text = _clipped(line.text.strip(), self._limits.text)
        draft = _Draft(finding, line.number, phase, list(self._before), [text])
        if finding.follow:
            self._growing = draft
        else:
            self._register(draft)

    def _grow(self, draft: _Draft, text: str) -> bool:
        """Add a line to the message if it belongs to it; otherwise the message has ended."""
        if draft.finding.follow == "indented":
            if text[:1] in {" ", "\t"} and text.strip() and len(draft.lines) <= _LONGEST_MESSAGE:
                draft.lines.append(_clipped(text.strip(), self._limits.line))
                return True
        else:
            place = place_behind(text)
            if place is not None:
                draft.finding = draft.finding._replace(
                    file=place.file, line=place.line, column=place.column
                )
        self._growing = None
        self._register(draft)
        return False

    def _goes_on(self, trace: _Trace, line: LogLine, phase: str | None) -> bool:
        """Read a line of a traceback; False when the line has to be looked at by itself."""
        text = line.text
        trace.length += 1
        body = text[trace.indent :]
        is_inside = not text[: trace.indent].strip() and trace.length < _LONGEST_TRACEBACK
        if is_inside and (not body or body[0] in {" ", "\t"}):
            frame = _FRAME.match(body)
            if frame is not None:
                trace.place = SourceLine(frame["file"], int(frame["line"]), None)
            return True
        self._trace = None
        place = trace.place or SourceLine("", None, None)
        finding = Finding("error", "python", place.file or None, place.line, None, "indented")
        if is_inside and _EXCEPTION.match(body):
            self._note(finding, line, phase)
            return True
        self._note_header(trace)
        return False

    def _note_header(self, trace: _Trace) -> None:
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

    def _feed(self, text: str) -> None:
        """Add the line to the context of the events before it."""
        if not self._open:
            return
        clipped = _clipped(text, self._limits.line)
        for draft in self._open:
            draft.after.append(clipped)
            self._room -= len(clipped)
        self._open = [d for d in self._open if len(d.after) < self._limits.context]

    def finish(self, log: str | None = None) -> tuple[LogEvent, ...]:
        """Return the events in the order of the log; `log` is the name of its file."""
        if self._growing is not None:
            self._register(self._growing)
            self._growing = None
        if self._trace is not None:
            self._note_header(self._trace)
            self._trace = None
        drafts = sorted(self._drafts.values(), key=lambda draft: draft.number)
        return tuple(self._event(draft, log) for draft in drafts)

    def _event(self, draft: _Draft, log: str | None) -> LogEvent:
        found = draft.finding
        return LogEvent(
            found.severity,
            found.kind,
            self._redact("\n".join(draft.lines)),
            draft.number,
            draft.phase,
            found.file and self._redact(found.file),
            found.line,
            found.column,
            tuple(map(self._redact, draft.before)),
            tuple(map(self._redact, draft.after)),
            draft.count - 1,
            log,
        )


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}\u2026"
