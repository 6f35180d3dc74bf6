"""What became of the runs of a case, from the CaseStatus of any of its executions.

CaseStatus is the history of the whole case, so that an execution that left none, because it was
killed or failed, is told of by that of a later one.
"""

from collections.abc import Iterable
from functools import lru_cache

from models.cases.case import Attempt as StoredAttempt
from models.cases.case_run import Attempt, job_number_of, own_attempt
from models.cases.execution import Execution
from models.cases.lid import parse_lid
from models.cases.observation import Observation
from models.cases.scheduler import scheduler_status

_RANK = {"completed": 4, "failed": 3, "unknown": 2, "running": 1}
_MOST = 5000
_ENDS = frozenset({"completed", "failed"})


class RunHistory:
    """The runs that are known of; the same whatever the order in which they are told."""

    def __init__(self, stored: Iterable[StoredAttempt]) -> None:
        self._attempts = {(attempt.job_id, attempt.start): attempt for attempt in stored}
        self._by_job: dict[int | None, list[StoredAttempt]] | None = None

    def add(self, observation: Observation) -> None:
        """Take what the CaseStatus of an execution tells."""
        lid = observation.execution.execution_id
        self._by_job = None
        for attempt in observation.attempts:
            key = (attempt.job_id, attempt.start)
            known = self._attempts.get(key)
            if known is None or _is_better(attempt, lid, known):
                self._attempts[key] = StoredAttempt(
                    job_id=attempt.job_id,
                    start=attempt.start,
                    end=attempt.end,
                    outcome=attempt.outcome,
                    told_by=lid,
                )

    def settle(self, execution: Execution) -> Execution:
        """Return an execution with the end that others tell of, if its own CaseStatus does not.

        The scheduler's word counts where no CaseStatus tells an end.
        """
        if execution.status_source == "CaseStatus" and execution.status in _ENDS:
            return execution
        found = self._attempt_of(execution)
        told: dict[str, str | None] = {}
        if found is not None and found.outcome in _ENDS:
            told = {
                "status": found.outcome,
                "status_source": f"CaseStatus of {found.told_by}",
                "run_start_local": found.start,
                "run_end_local": execution.run_end_local or found.end,
            }
        elif execution.scheduler_state is not None:
            status = scheduler_status(execution.scheduler_state)
            told = {"status": status, "status_source": "scheduler"}
        is_known = all(getattr(execution, name) == value for name, value in told.items())
        return execution if is_known else execution.model_copy(update=told)

    def stored(self) -> list[StoredAttempt]:
        """Return the runs in order of their start, of very many the last, as the case has them."""
        runs = sorted(self._attempts.values(), key=lambda a: (a.start, a.job_id or ""))
        return runs[-_MOST:]

    def _attempt_of(self, execution: Execution) -> StoredAttempt | None:
        lid = parse_lid(execution.execution_id)
        if lid is None:
            return None
        told = self._attempts.values() if lid.job_id is None else self._told_of(lid.job_number)
        plain = [Attempt(a.job_id, a.start, a.end, "unknown") for a in told]
        found = own_attempt(plain, lid)
        return None if found is None else self._attempts[found.job_id, found.start]

    def _told_of(self, job_number: int) -> list[StoredAttempt]:
        """Return the runs of a job, and those whose job is not told."""
        if self._by_job is None:
            self._by_job = {}
            for attempt in self._attempts.values():
                self._by_job.setdefault(job_number_of(attempt.job_id), []).append(attempt)
        return [*self._by_job.get(job_number, ()), *self._by_job.get(None, ())]


def _is_better(told: Attempt, told_by: str, known: StoredAttempt) -> bool:
    """Prefer an end to none, and of several that tell the same, the earliest execution.

    A success counts more than an error, for an error carries no job id and may be another run's.
    """
    if told.outcome != known.outcome:
        return _RANK[told.outcome] > _RANK[known.outcome]
    ours = (_order_of(told_by), told.outcome, told.end or "")
    return ours < (_order_of(known.told_by), known.outcome, known.end or "")


@lru_cache(maxsize=4096)
def _order_of(execution_id: str) -> str:
    lid = parse_lid(execution_id)
    return lid.order_key if lid else ""
