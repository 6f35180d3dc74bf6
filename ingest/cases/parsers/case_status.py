"""CaseStatus: the cumulative history of a case.

Source of the format: CIME/status.py. Each event is `YYYY-MM-DD HH:MM:SS: <phase> <status> <msg>`
in local time. Since 2021 the message of a start and of a success is the job id. An error never has
one, and a job that is killed leaves no line at all:

    2025-01-02 03:04:05: case.run starting 1000           a run begins
    2025-01-02 03:04:09: model execution starting 1000
    2025-01-02 05:04:05: model execution success 1000
    2025-01-02 05:04:06: case.run success 1000            it ends
    2025-01-02 06:00:00: case.run starting 1001           another begins
    2025-01-02 09:00:00: case.submit starting             without an end: it was killed
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

from ingest.archives.content import text_lines
from models.cases.case_run import CaseRun, Outcome, moment_of
from models.redaction.text import masked_text

_EVENT = re.compile(
    r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}): "
    r"(?P<phase>[^<>]{1,60}?) (?P<status>starting|success|error)(?: (?P<message>.*))?"
)
_OTHER_EVENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}: (?!(?:Starting|Completed) script )"
)
_DURING_RUN = frozenset({"model execution", "st_archive", "case.st_archive"})
_JOB_ID = re.compile(r"[0-9]{1,18}+(?:\[[0-9]{0,9}\])?+(?:\.[A-Za-z0-9_\[\]-]{1,64}+){0,8}+")
_MAX_JOB_TIME = timedelta(days=4)  # no queue allows a job to run longer
_MAX_RUNS = 5000


@dataclass(frozen=True, slots=True)
class History:
    """All runs that a CaseStatus reports, in order, and its content, empty if a line is cut.

    The CaseStatus of a later execution begins with the same content and is read from there on.
    """

    content: bytes = b""
    all_runs: tuple[CaseRun, ...] = ()

    @property
    def runs(self) -> list[CaseRun]:
        """The runs, at most the last 5000."""
        return [_shared(run) for run in self.all_runs[-_MAX_RUNS:]]


_EMPTY = History()


def parse_case_status(content: bytes, before: History = _EMPTY) -> History:
    """Parse CaseStatus; `before` is any other one: if this continues it, only the rest is read."""
    runs: list[CaseRun] = []
    if before.content and content.startswith(before.content):
        runs = list(before.all_runs)
        lines = text_lines(content[len(before.content) :], is_start=False)
    else:
        lines = text_lines(content)
    for line in lines:
        _read_line(line, runs)
    return History(content if content.endswith(b"\n") else b"", tuple(runs))


def _read_line(line: str, runs: list[CaseRun]) -> None:
    event = _EVENT.fullmatch(line.rstrip())
    if event is None:
        if runs and _OTHER_EVENT.match(line):
            _close_killed(runs)
        return
    moment = event["time"].replace(" ", "T")
    if event["phase"] == "case.run":
        _read_run_event(runs, event["status"], moment, _job_id(event["message"] or ""))
    elif event["phase"] == "model execution":
        _read_model_event(runs, event["status"], moment, _job_id(event["message"] or ""))
    elif event["phase"] not in _DURING_RUN:
        _close_killed(runs)


@lru_cache(maxsize=16384)
def _shared(run: CaseRun) -> CaseRun:
    """Return the same object for equal runs: each CaseStatus repeats those of the one before."""
    return run


def _read_run_event(runs: list[CaseRun], status: str, moment: str, job_id: str | None) -> None:
    if status == "starting":
        _close_killed(runs)
        runs.append(CaseRun(job_id, moment, None, "running"))
        return
    if status == "error" and runs and runs[-1].outcome == "failed":
        return  # the model's error, just before, was the end of the same run
    _take_back_guess(runs, job_id)
    index = _find_open_run(runs, job_id)
    if index is not None:
        outcome: Outcome = "completed" if status == "success" else "failed"
        runs[index] = replace(runs[index], end=moment, outcome=outcome, is_guessed=job_id is None)


def _read_model_event(runs: list[CaseRun], status: str, moment: str, job_id: str | None) -> None:
    """Separate the tries of one job, in which the model runs again after a node failure.

    Each try has its own LID. The first begins with case.run, each later one with the model.
    """
    if not runs:
        return
    last = runs[-1]
    if status == "success":
        _take_back_guess(runs, job_id)
    elif status == "error" and last.end is None:
        runs[-1] = replace(last, end=moment, outcome="failed", is_guessed=True)
    elif status == "starting" and last.outcome == "failed" and _can_be_of(last, job_id):
        runs.append(CaseRun(last.job_id, moment, None, "running"))


def _take_back_guess(runs: list[CaseRun], job_id: str | None) -> None:
    """Reopen the latest run of a job that still runs, and assign its guessed end to another run.

    That is the latest earlier run without an end, of another job, that may still have been running.
    A run that began more than four days before that end was killed.
    """
    index = _find_latest_run(runs, job_id)
    if index is None or not runs[index].is_guessed:
        return
    wrong = runs[index]
    outcome: Outcome = "running" if index == len(runs) - 1 else "unknown"
    runs[index] = CaseRun(wrong.job_id, wrong.start, None, outcome)
    for other in range(index - 1, -1, -1):
        earlier = runs[other]
        age = moment_of(wrong.end or "") - moment_of(earlier.start)
        if earlier.end is None and earlier.job_id != job_id and age < _MAX_JOB_TIME:
            runs[other] = replace(earlier, end=wrong.end, outcome=wrong.outcome, is_guessed=True)
            return


def _job_id(message: str) -> str | None:
    """Return the job id that a message begins with, or None when it begins with other text."""
    first = message.split(maxsplit=1)[:1]
    is_job_id = first and _JOB_ID.fullmatch(first[0]) and masked_text(first[0]) == first[0]
    return first[0] if is_job_id else None


def _find_open_run(runs: Sequence[CaseRun], job_id: str | None) -> int | None:
    """Return the index of the run that an event of a job ends: the job's latest, if it is open.

    Otherwise it is the latest open run that can be the job's.
    """
    latest = _find_latest_run(runs, job_id)
    if latest is not None and runs[latest].end is None:
        return latest
    for index in range(len(runs) - 1, -1, -1):
        if runs[index].end is None and _can_be_of(runs[index], job_id):
            return index
    return None


def _find_latest_run(runs: Sequence[CaseRun], job_id: str | None) -> int | None:
    if job_id is None:
        return None
    indexes = range(len(runs) - 1, -1, -1)
    return next((index for index in indexes if runs[index].job_id == job_id), None)


def _can_be_of(run: CaseRun, job_id: str | None) -> bool:
    """Return whether a run can be of a job: where both have an id, these must be the same."""
    return job_id is None or run.job_id is None or run.job_id == job_id


def _close_killed(runs: list[CaseRun]) -> None:
    if runs and runs[-1].outcome == "running":
        runs[-1] = replace(runs[-1], outcome="unknown")
