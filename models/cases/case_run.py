"""CaseRun: one run of a case as its CaseStatus reports it, and the run that an execution is."""

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
class CaseRun:
    """One `case.run`: its start and end, ISO local time, and its outcome.

    The outcome is `running` when the start is the last entry of the file, and `unknown` when the
    history continues without an end of this run, which happens when a job is killed. The end is
    guessed when its line carries no job id: a later line that does carry one may show that the end
    was that of another run.

    Of a run that failed, `failed_phase` is the phase of CIME whose error was its end (`case.run` or
    `model execution`), `failure` the text of the error without credentials, and `failure_log` the
    log that it names.
    """

    job_id: str | None
    start: str
    end: str | None
    outcome: Outcome
    is_guessed: bool = False
    failed_phase: str | None = None
    failure: str | None = None
    failure_log: str | None = None


def find_own_run(runs: Sequence[CaseRun], lid: Lid) -> CaseRun | None:
    """Return the run that an execution is, among those that its own CaseStatus reports.

    The LID is made before PRERUN_SCRIPT runs, which may take long: without a run nearby, it is the
    only one that begins later, if there is only one.
    """
    found = find_run(runs, lid)
    if found is not None:
        return found
    later = [run for run in runs if _can_be(run, lid) and run.start >= lid.local_time]
    return later[0] if len(later) == 1 else None


def find_run(runs: Sequence[CaseRun], lid: Lid) -> CaseRun | None:
    """Return the run that an execution is: the nearest in time among those of the same job.

    Without one, it is the nearest run, at most 10 minutes away, where either side has no job id.
    """
    started = datetime.fromisoformat(lid.local_time)

    def distance(run: CaseRun) -> float:
        return abs((moment_of(run.start) - started).total_seconds())

    same_job = [run for run in runs if run.job_id is not None and _is_same_job(run.job_id, lid)]
    if same_job:
        return min(same_job, key=distance)
    nearby = [run for run in runs if _can_be(run, lid) and distance(run) <= _NEARBY_SECONDS]
    return min(nearby, key=distance, default=None)


def _can_be(run: CaseRun, lid: Lid) -> bool:
    """Return whether nothing says that the run and the execution are of different jobs."""
    return run.job_id is None or lid.job_id is None


def job_number_of(job_id: str | None) -> int | None:
    """Return the number that a job id begins with, or None: 9849714 for `9849714.desched1`."""
    number = (job_id or "").split(".", 1)[0]
    return int(number) if _JOB_NUMBER.fullmatch(number) else None


def _is_same_job(job_id: str, lid: Lid) -> bool:
    return job_id == lid.job_id or job_number_of(job_id) == lid.job_number


def moment_of(text: str) -> datetime:
    """Return the time that ISO text says; the earliest one there is when it says none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.min
