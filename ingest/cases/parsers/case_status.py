"""CaseStatus: the cumulative history of a case.

Source of the format: CIME/status.py. Each event is `YYYY-MM-DD HH:MM:SS: <phase> <status> <msg>`
in local time. Since 2021 the message of a start and of a success is the job id; an error never
has one, and a job that was killed leaves no line at all.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

from ingest.archives.content import text_lines
from models.cases.case_run import Attempt, Outcome, _moment
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
_LONGEST_JOB = timedelta(days=4)  # no queue lets a job run longer
_MOST = 5000


@dataclass(frozen=True, slots=True)
class History:
    """What a CaseStatus tells: all its runs, in order, and its content if the last line is whole.

    That of a later execution of the case begins with the same content, and is read from there on.
    """

    content: bytes = b""
    attempts: tuple[Attempt, ...] = ()

    @property
    def runs(self) -> list[Attempt]:
        """The runs, of very many the last."""
        return [_shared(attempt) for attempt in self.attempts[-_MOST:]]


_NOTHING = History()


def parse_case_status(content: bytes, before: History = _NOTHING) -> History:
    """Return what the file tells; `before` is any other that was read, which it may continue."""
    attempts: list[Attempt] = []
    if before.content and content.startswith(before.content):
        attempts = list(before.attempts)
        lines = content[len(before.content) :].decode("utf-8", errors="replace").splitlines()
    else:
        lines = text_lines(content)
    for line in lines:
        _read_line(line, attempts)
    return History(content if content.endswith(b"\n") else b"", tuple(attempts))


def _read_line(line: str, attempts: list[Attempt]) -> None:
    event = _EVENT.fullmatch(line.rstrip())
    if event is None:
        if attempts and _OTHER_EVENT.match(line):
            _close_killed(attempts)
        return
    moment = event["time"].replace(" ", "T")
    if event["phase"] == "case.run":
        _note_run(attempts, event["status"], moment, _job_id(event["message"] or ""))
    elif event["phase"] == "model execution":
        _note_model(attempts, event["status"], moment, _job_id(event["message"] or ""))
    elif event["phase"] not in _DURING_RUN:
        _close_killed(attempts)


@lru_cache(maxsize=16384)
def _shared(attempt: Attempt) -> Attempt:
    """Return the same object for the same run: each execution tells of all before it."""
    return attempt


def _note_run(attempts: list[Attempt], status: str, moment: str, job_id: str | None) -> None:
    if status == "starting":
        _close_killed(attempts)
        attempts.append(Attempt(job_id, moment, None, "running"))
        return
    if status == "error" and attempts and attempts[-1].outcome == "failed":
        return  # the model's error, just before, was the end of the same run
    _take_back_guess(attempts, job_id)
    index = _open_attempt(attempts, job_id)
    if index is not None:
        outcome: Outcome = "completed" if status == "success" else "failed"
        attempts[index] = replace(
            attempts[index], end=moment, outcome=outcome, is_guessed=job_id is None
        )


def _note_model(attempts: list[Attempt], status: str, moment: str, job_id: str | None) -> None:
    """Tell the tries of one job apart: after a node failure the model is run again in it.

    Each try has a LID of its own. The first begins with case.run, the next when the model does.
    """
    if not attempts:
        return
    last = attempts[-1]
    if status == "success":
        _take_back_guess(attempts, job_id)
    elif status == "error" and last.end is None:
        attempts[-1] = replace(last, end=moment, outcome="failed", is_guessed=True)
    elif status == "starting" and last.outcome == "failed" and _may_be(last, job_id):
        attempts.append(Attempt(last.job_id, moment, None, "running"))


def _take_back_guess(attempts: list[Attempt], job_id: str | None) -> None:
    """Reopen the latest run of a job that goes on, and give the end that was guessed to another.

    That is the latest run before it that has no end, is not of the same job and may still have gone
    on: one that began some days before was killed.
    """
    index = _latest_of(attempts, job_id)
    if index is None or not attempts[index].is_guessed:
        return
    wrong = attempts[index]
    outcome: Outcome = "running" if index == len(attempts) - 1 else "unknown"
    attempts[index] = Attempt(wrong.job_id, wrong.start, None, outcome)
    for other in range(index - 1, -1, -1):
        earlier = attempts[other]
        age = _moment(wrong.end or "") - _moment(earlier.start)
        if earlier.end is None and earlier.job_id != job_id and age < _LONGEST_JOB:
            attempts[other] = replace(
                earlier, end=wrong.end, outcome=wrong.outcome, is_guessed=True
            )
            return


def _job_id(message: str) -> str | None:
    """Return the job id that a message is or begins with; any other text is none."""
    first = message.split(maxsplit=1)[:1]
    is_job_id = first and _JOB_ID.fullmatch(first[0]) and masked_text(first[0]) == first[0]
    return first[0] if is_job_id else None


def _open_attempt(attempts: Sequence[Attempt], job_id: str | None) -> int | None:
    """Return the latest run without an end that may be the job's, its own before any other."""
    own = _latest_of(attempts, job_id)
    if own is not None and attempts[own].end is None:
        return own
    for index in range(len(attempts) - 1, -1, -1):
        if attempts[index].end is None and _may_be(attempts[index], job_id):
            return index
    return None


def _latest_of(attempts: Sequence[Attempt], job_id: str | None) -> int | None:
    if job_id is None:
        return None
    indexes = range(len(attempts) - 1, -1, -1)
    return next((index for index in indexes if attempts[index].job_id == job_id), None)


def _may_be(attempt: Attempt, job_id: str | None) -> bool:
    """Tell whether a run may be that of a job: an id, where both have one, must be the same."""
    return job_id is None or attempt.job_id is None or attempt.job_id == job_id


def _close_killed(attempts: list[Attempt]) -> None:
    if attempts and attempts[-1].outcome == "running":
        attempts[-1] = replace(attempts[-1], outcome="unknown")
