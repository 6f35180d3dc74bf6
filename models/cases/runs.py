"""RunHistory: the outcomes of the runs of a case, from the CaseStatus of any of its executions.

CaseStatus is the history of the whole case. So an execution that was killed or failed, and left no
CaseStatus of its own, appears in that of a later execution.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from models.cases.case import Attempt
from models.cases.case_run import CaseRun, find_run, job_number_of
from models.cases.execution import Execution
from models.cases.lid import Lid, parse_lid
from models.cases.observation import Observation
from models.cases.outcome import with_outcome

_RANK = {"completed": 4, "failed": 3, "unknown": 2, "running": 1}
_MAX_STORED = 5000


class RunHistory:
    """The known runs of a case; the order in which they are added makes no difference."""

    def __init__(self, stored: Iterable[Attempt]) -> None:
        self._attempts = {(attempt.job_id, attempt.start): attempt for attempt in stored}
        self._by_job: dict[int | None, list[Attempt]] | None = None

    def add(self, observation: Observation) -> None:
        """Add the runs that the CaseStatus of an execution reports."""
        execution_id = observation.execution.execution_id
        self._by_job = None
        for run in observation.runs:
            key = (run.job_id, run.start)
            known = self._attempts.get(key)
            if known is None or _is_better(run, execution_id, known):
                self._attempts[key] = Attempt(
                    job_id=run.job_id,
                    start=run.start,
                    end=run.end,
                    outcome=run.outcome,
                    failed_phase=run.failed_phase,
                    failure=run.failure,
                    failure_log=run.failure_log,
                    told_by=execution_id,
                )

    def resolve(self, execution: Execution) -> Execution:
        """Return an execution with the best known outcome of its run."""
        lid = parse_lid(execution.execution_id)
        if lid is None:
            return with_outcome(execution, None, 0)
        runs = self._runs_of(lid)
        run = find_run([CaseRun(a.job_id, a.start, a.end, "unknown") for a in runs], lid)
        found = self._attempts[run.job_id, run.start] if run else None
        if found is None:  # its own CaseStatus may have shown which run it is
            found = next((a for a in runs if a.start == execution.run_start_local), None)
        if found is None:
            return with_outcome(execution, None, 0)
        tries = sum(a.job_id is not None and a.job_id == found.job_id for a in runs)
        return with_outcome(execution, found, max(tries, 1))

    def stored(self) -> list[Attempt]:
        """Return the runs to store, in the order of their start: at most the last 5000."""
        attempts = sorted(self._attempts.values(), key=lambda a: (a.start, a.job_id or ""))
        return attempts[-_MAX_STORED:]

    def _runs_of(self, lid: Lid) -> Sequence[Attempt]:
        if lid.job_id is None:
            return list(self._attempts.values())
        return self._attempts_of_job(lid.job_number)

    def _attempts_of_job(self, job_number: int) -> list[Attempt]:
        """Return the runs of a job, and those without a job number."""
        if self._by_job is None:
            self._by_job = {}
            for attempt in self._attempts.values():
                self._by_job.setdefault(job_number_of(attempt.job_id), []).append(attempt)
        return [*self._by_job.get(job_number, ()), *self._by_job.get(None, ())]


def _is_better(run: CaseRun, execution_id: str, known: Attempt) -> bool:
    """Return whether the report of `execution_id` replaces the known one of the same run.

    An end counts more than none. A success counts more than a failure, because a failure is logged
    without a job id and may be that of another run. Of equal reports, that of the earliest
    execution remains.
    """
    if run.outcome != known.outcome:
        return _RANK[run.outcome] > _RANK[known.outcome]
    ours = (_order_of(execution_id), run.outcome, run.end or "", run.failure or "")
    theirs = (_order_of(known.told_by), known.outcome, known.end or "", known.failure or "")
    return ours < theirs


@lru_cache(maxsize=4096)
def _order_of(execution_id: str) -> str:
    lid = parse_lid(execution_id)
    return lid.order_key if lid else ""
