"""CaseStatus: the cumulative history of a case.

Source of the format: CIME/status.py. Each event is `YYYY-MM-DD HH:MM:SS: <phase> <status> <msg>`
in local time, with a rule below it. Since 2021 the message of a start and of a success is the job
id. That of an error is the error's text, in the lines that follow:

    2025-01-02 03:04:05: case.run starting 1000           a run begins
    2025-01-02 03:04:09: model execution starting 1000
    2025-01-02 05:04:05: model execution success 1000
    2025-01-02 05:04:06: case.run success 1000            it ends
    2025-01-02 06:00:00: case.run starting 1001           another begins
    2025-01-02 09:00:00: case.submit starting             without an end: it was killed
    2025-01-02 10:00:00: case.build error
    ERROR: BUILD FAIL: eam.buildlib failed, cat /scratch/bld/atm.bldlog.250102-095500
    2025-01-02 11:00:00: xmlchange success <command> ./xmlchange STOP_N=5  </command>

Before CIME 5.3, of 2017, there were neither rules nor phases for most events: `Run started `,
`Run SUCCESSFUL`, `Model did not complete - see …`, `<command> ./xmlchange … </command>`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.archives.content import text_lines
from ingest.cases.parsers.run_list import MAX_RUNS, MODEL, RUN, RunList, failure_of, shared_run
from models.cases.case import CaseChange, FailedBuild
from models.cases.case_run import CaseRun
from models.redaction.text import masked_text

_TIMED = re.compile(
    r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}): (?P<text>.*)"
)
_EVENT = re.compile(
    r"(?P<phase>[^<>]{1,60}?) (?P<status>starting|success|error|completed?)(?: (?P<message>.*))?"
)
_RULE = re.compile(r" ?-{40,60}\s*")
_OLD_EVENTS = {
    "Run started": (RUN, "starting"),
    "Run SUCCESSFUL": (RUN, "success"),
    "Run FAILED": (RUN, "error"),
    "Model did not complete": (RUN, "error"),
    "<command>": ("xmlchange", "success"),
    "cleanbuild": ("build.clean", "success"),
    "resubmitting from st_archive": ("st_archive", "resubmitting"),
}
_SCRIPTS = ("Starting script ", "Completed script ")
_NOTES = (*_SCRIPTS, "Timing files created ", "local git repository ", "Local git version ")
_DURING_RUN = frozenset(
    {"st_archive", "case.st_archive", "st_archiving", "lt_archive", "lt_archiving"}
)
_BUILDS = ("case.build", "case.testbuild")
_CHANGE = "xmlchange"
_MAX_CHANGES = 5000
_MAX_COMMAND = 1000
_MAX_UNKNOWN = 1000
_MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class History:
    """All that a CaseStatus reports, each in order, and its content, empty if its end is cut.

    The CaseStatus of a later execution begins with the same content and is read from there on.
    `unknown` has the number and text of lines that are not understood, `line_count` the number of
    all lines.
    """

    content: bytes = b""
    all_runs: tuple[CaseRun, ...] = ()
    changes: tuple[CaseChange, ...] = ()
    failed_builds: tuple[FailedBuild, ...] = ()
    unknown: tuple[tuple[int, str], ...] = ()
    line_count: int = 0

    @property
    def runs(self) -> list[CaseRun]:
        """The runs, at most the last 5000."""
        return [shared_run(run) for run in self.all_runs[-MAX_RUNS:]]


_EMPTY = History()


def parse_case_status(content: bytes, before: History = _EMPTY) -> History:
    """Parse CaseStatus; `before` is any other one: if this continues it, only the rest is read."""
    if not before.content or not content.startswith(before.content):
        before = _EMPTY
    is_start = before is _EMPTY
    lines = text_lines(content[len(before.content) :], is_start=is_start)
    reader = _Reader(before)
    reader.read(lines)
    is_whole = content.endswith(b"\n") and not reader.is_open
    reader.close()
    return History(
        content if is_whole else b"",
        tuple(reader.runs.runs),
        tuple(reader.changes[-_MAX_CHANGES:]),
        tuple(reader.failed_builds[-_MAX_CHANGES:]),
        tuple(reader.unknown[:_MAX_UNKNOWN]),
        before.line_count + len(lines),
    )


@dataclass(slots=True)
class _Event:
    """An event whose message may go on in the lines that follow."""

    phase: str
    status: str
    moment: str
    message: list[str] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        """Whether the next line belongs to the message."""
        is_cut = self.phase == _CHANGE and "</command>" not in self.message[-1]
        return self.status == "error" or is_cut


class _Reader:
    def __init__(self, before: History) -> None:
        self.runs = RunList(before.all_runs)
        self.changes = list(before.changes)
        self.failed_builds = list(before.failed_builds)
        self.unknown = list(before.unknown)
        self._line_count = before.line_count
        self._event: _Event | None = None

    @property
    def is_open(self) -> bool:
        """Whether the message of the last event may go on."""
        return self._event is not None

    def read(self, lines: Iterable[str]) -> None:
        for number, line in enumerate(lines, self._line_count + 1):
            timed = _TIMED.fullmatch(line.rstrip())
            if timed is not None:
                self.close()
                self._begin(number, timed["time"].replace(" ", "T"), timed["text"])
            elif _RULE.fullmatch(line):
                self.close()
            elif self._event is not None:
                self._event.message.append(line)
                self._close_if_ended()
            elif line.strip():
                self._note_unknown(number, line)

    def close(self) -> None:
        """Read the event whose message has ended."""
        event, self._event = self._event, None
        if event is None:
            return
        message = "\n".join(event.message)
        if event.phase in {RUN, MODEL}:
            self.runs.read(event.phase, event.status, event.moment, message)
            return
        if event.phase not in _DURING_RUN:
            self.runs.close_killed()
        if event.phase == _CHANGE and event.status == "success":
            self._add_change(event.moment, message)
        elif event.phase.startswith(_BUILDS) and event.status == "error":
            failure = failure_of(message)
            build = FailedBuild(
                time=event.moment, phase=event.phase, text=failure.text, log=failure.log
            )
            self.failed_builds.append(build)

    def _begin(self, number: int, moment: str, text: str) -> None:
        found = _old_event(text.strip()) or _event(text)
        if found is not None:
            phase, status, message = found
            self._event = _Event(phase, status, moment, [message])
            self._close_if_ended()
            return
        is_note = text.strip().startswith(_NOTES)
        if not is_note:
            self._note_unknown(number, text)
        if not text.strip().startswith(_SCRIPTS):
            self.runs.close_killed()

    def _close_if_ended(self) -> None:
        if self._event is not None and not self._event.goes_on:
            self.close()

    def _add_change(self, moment: str, message: str) -> None:
        command = message.partition("<command>")[2].partition("</command>")[0].strip()
        if command:
            masked = masked_text(command)[:_MAX_COMMAND]
            self.changes.append(CaseChange(time=moment, command=masked))

    def _note_unknown(self, number: int, text: str) -> None:
        if len(self.unknown) < _MAX_UNKNOWN:
            self.unknown.append((number, text.strip()[:_MAX_SHOWN]))


def _event(text: str) -> tuple[str, str, str] | None:
    """Return phase, status and message of an event, None for other text."""
    match = None if text.startswith(_NOTES) else _EVENT.fullmatch(text)
    if match is None:
        return None
    status = "success" if match["status"].startswith("complete") else match["status"]
    return match["phase"], status, match["message"] or ""


def _old_event(text: str) -> tuple[str, str, str] | None:
    """Return phase, status and message of an event in the form of CIME before 5.3."""
    for beginning, (phase, status) in _OLD_EVENTS.items():
        if text.startswith(beginning):
            return phase, status, text if status == "error" or phase == _CHANGE else ""
    return None
