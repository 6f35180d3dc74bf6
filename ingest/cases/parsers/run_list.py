"""RunList: the runs of a case, from the events of its CaseStatus one after another.

An error never has a job id, and a job that is killed leaves no line at all.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from models.cases.case_run import CaseRun, Outcome, moment_of
from models.redaction.text import masked_text

RUN = "case.run"
MODEL = "model execution"
MAX_RUNS = 5000

_JOB_ID = re.compile(r"[0-9]{1,18}+(?:\[[0-9]{0,9}\])?+(?:\.[A-Za-z0-9_\[\]-]{1,64}+){0,8}+")
_MAX_JOB_TIME = timedelta(days=4)  # no queue allows a job to run longer
_MAX_BACK = 200  # runs among which that of an event is looked for: many more than ever overlap
_MAX_FAILURE = 1000
_LOG = re.compile(r"(?:\bSee log file for details: |\s- see |, cat )(?P<path>\S{1,1000}+)")


class Failure(NamedTuple):
    """The text of an error, without credentials, and the log that it names."""

    text: str | None
    log: str | None


def failure_of(message: str) -> Failure:
    """Return what the message of an error says; of a long text the first 1000 characters."""
    text = masked_text(message.strip())
    log = _LOG.search(text)
    return Failure(text[:_MAX_FAILURE] or None, log["path"] if log else None)


class RunList:
    """The runs so far, in order; each event changes the run that it belongs to."""

    def __init__(self, runs: Iterable[CaseRun] = ()) -> None:
        self.runs = list(runs)

    def read(self, phase: str, status: str, moment: str, message: str) -> None:
        """Read an event of a run or of its model; `message` may have several lines."""
        job_id = None if status == "error" else _job_id(message)
        if phase == MODEL:
            self._read_model_event(status, moment, job_id, message)
        elif status == "starting":
            self.close_killed()
            self.runs.append(CaseRun(job_id, moment, None, "running"))
        else:
            self._end_run(status, moment, job_id, message)

    def close_killed(self) -> None:
        """Note that the history continues, so that a run without an end was killed."""
        if self.runs and self.runs[-1].outcome == "running":
            self.runs[-1] = replace(self.runs[-1], outcome="unknown")

    def _end_run(self, status: str, moment: str, job_id: str | None, message: str) -> None:
        runs = self.runs
        failure = failure_of(message) if status == "error" else Failure(None, None)
        if status == "error" and runs and runs[-1].outcome == "failed":
            # the model's error, just before, was the end of the same run
            if runs[-1].failed_phase == MODEL and runs[-1].failure_log is None:
                runs[-1] = _with_failure(runs[-1], failure)
            return
        self._take_back_guess(job_id)
        index = self._find_open(job_id)
        if index is None:
            return
        outcome: Outcome = "completed" if status == "success" else "failed"
        ended = replace(runs[index], end=moment, outcome=outcome, is_guessed=job_id is None)
        if outcome == "failed":
            ended = _with_failure(replace(ended, failed_phase=RUN), failure)
        runs[index] = ended

    def _read_model_event(self, status: str, moment: str, job_id: str | None, message: str) -> None:
        """Separate the tries of one job, in which the model runs again after a node failure.

        Each try has its own LID. The first begins with case.run, each later one with the model.
        """
        if not self.runs:
            return
        last = self.runs[-1]
        if status == "success":
            self._take_back_guess(job_id)
        elif status == "error" and last.end is None:
            failed = replace(
                last, end=moment, outcome="failed", is_guessed=True, failed_phase=MODEL
            )
            self.runs[-1] = _with_failure(failed, failure_of(message))
        elif status == "starting" and last.outcome == "failed" and _can_be_of(last, job_id):
            self.runs.append(CaseRun(last.job_id, moment, None, "running"))

    def _take_back_guess(self, job_id: str | None) -> None:
        """Reopen the latest run of a job that still runs, and assign its guessed end to another.

        That is the latest earlier run without an end, of another job, that may still have been
        running. A run that began more than four days before that end was killed.
        """
        runs = self.runs
        index = self._find_latest(job_id)
        if index is None or not runs[index].is_guessed:
            return
        wrong = runs[index]
        outcome: Outcome = "running" if index == len(runs) - 1 else "unknown"
        runs[index] = CaseRun(wrong.job_id, wrong.start, None, outcome)
        for other in self._latest_indexes(index):
            earlier = runs[other]
            age = moment_of(wrong.end or "") - moment_of(earlier.start)
            if earlier.end is None and earlier.job_id != job_id and age < _MAX_JOB_TIME:
                runs[other] = replace(wrong, job_id=earlier.job_id, start=earlier.start)
                return

    def _find_open(self, job_id: str | None) -> int | None:
        """Return the index of the run that an event of a job ends: the job's latest, if open.

        Otherwise it is the latest open run that can be the job's.
        """
        latest = self._find_latest(job_id)
        if latest is not None and self.runs[latest].end is None:
            return latest
        for index in self._latest_indexes(len(self.runs)):
            if self.runs[index].end is None and _can_be_of(self.runs[index], job_id):
                return index
        return None

    def _find_latest(self, job_id: str | None) -> int | None:
        if job_id is None:
            return None
        indexes = self._latest_indexes(len(self.runs))
        return next((index for index in indexes if self.runs[index].job_id == job_id), None)

    @staticmethod
    def _latest_indexes(end: int) -> range:
        """Return the indexes of the latest runs before `end`, the last one first."""
        return range(end - 1, max(end - 1 - _MAX_BACK, -1), -1)


@lru_cache(maxsize=16384)
def shared_run(run: CaseRun) -> CaseRun:
    """Return the same object for equal runs: each CaseStatus repeats those of the one before."""
    return run


def _with_failure(run: CaseRun, failure: Failure) -> CaseRun:
    """Return a run with the text of its failure, unless the error says nothing."""
    if failure.text is None:
        return run
    return replace(run, failure=failure.text, failure_log=failure.log)


def _job_id(message: str) -> str | None:
    """Return the job id that a message begins with, or None when it begins with other text."""
    first = message.split(maxsplit=1)[:1]
    is_job_id = first and _JOB_ID.fullmatch(first[0]) and masked_text(first[0]) == first[0]
    return first[0] if is_job_id else None


def _can_be_of(run: CaseRun, job_id: str | None) -> bool:
    """Return whether a run can be of a job: where both have an id, these must be the same."""
    return job_id is None or run.job_id is None or run.job_id == job_id
