"""One run of a case, as its CaseStatus reports it, and which execution it belongs to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from models.cases.lid import Lid

Outcome = Literal["completed", "failed", "running", "unknown"]
_JOB_NUMBER = re.compile(r"[0-9]{1,18}")
_NEARBY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Attempt:
    """One `case.run`: when it began and ended, ISO local time, and what became of it.

    The outcome is `running` when the start is the last that the file tells, and `unknown` when
    the history goes on without an end of this run, which happens when a job is killed. The end is
    guessed when its line carries no job id: one that does may show that it was another run's.
    """

    job_id: str | None
    start: str
    end: str | None
    outcome: Outcome
    is_guessed: bool = False


def own_attempt(attempts: Sequence[Attempt], lid: Lid) -> Attempt | None:
    """Return the run that the execution is: by its job id, and by time where ids do not tell."""
    started = datetime.fromisoformat(lid.local_time)

    def distance(attempt: Attempt) -> float:
        return abs((_moment(attempt.start) - started).total_seconds())

    same_job = [a for a in attempts if a.job_id is not None and _same_job(a.job_id, lid)]
    if same_job:
        return min(same_job, key=distance)
    nearby = [
        attempt
        for attempt in attempts
        if (attempt.job_id is None or lid.job_id is None) and distance(attempt) <= _NEARBY_SECONDS
    ]
    return min(nearby, key=distance, default=None)


def job_number_of(job_id: str | None) -> int | None:
    """Return the number that a job id begins with, None when there is none."""
    number = (job_id or "").split(".", 1)[0]
    return int(number) if _JOB_NUMBER.fullmatch(number) else None


def _same_job(job_id: str, lid: Lid) -> bool:
    return job_id == lid.job_id or job_number_of(job_id) == lid.job_number


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.min
