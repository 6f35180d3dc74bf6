"""The outcome of an execution: how its run ended, when, why it failed, and what it reached. Pure.

An end in its own CaseStatus counts first, then one in that of another execution, then the state
that the scheduler reports, then the timing profile.
"""

from typing import Any

from models.cases.case import Attempt
from models.cases.execution import Execution
from models.cases.scheduler import scheduler_status

ENDS = frozenset({"completed", "failed"})
CASE_STATUS = "CaseStatus"
SCHEDULER = "scheduler"
_NO_TEXT = "CaseStatus reports an error and says no more"
_UNDER_WAY = frozenset({"completed", "running"})


def with_outcome(execution: Execution, attempt: Attempt | None, attempts: int) -> Execution:
    """Return an execution with its outcome, which an attempt of its case may tell.

    `attempts` is how many runs its job made. An execution that a person stated keeps its status.
    """
    update = _status(execution, attempt)
    resolved = execution.model_copy(update=update) if update else execution
    update |= {
        "attempts": attempts,
        "simulation_end_reached": _is_end_reached(resolved),
        **_failure(resolved, attempt),
    }
    is_known = all(getattr(execution, name) == value for name, value in update.items())
    return execution if is_known else execution.model_copy(update=update)


def _status(execution: Execution, attempt: Attempt | None) -> dict[str, Any]:
    if execution.status_source == CASE_STATUS and execution.status in ENDS:
        return {}
    if attempt is not None and attempt.outcome in ENDS:
        source = f"CaseStatus of {attempt.told_by}"
        return {
            "status": attempt.outcome,
            "status_source": source,
            "run_start_local": attempt.start,
            "run_end_local": attempt.end,
            "run_end_source": source,
        }
    if execution.scheduler_state is not None:
        status = scheduler_status(execution.scheduler_state)
        return {"status": status, "status_source": SCHEDULER}
    return {}


def _is_end_reached(execution: Execution) -> bool | None:
    if execution.simulation_end is None:
        return None
    return execution.status == "completed"


def _failure(execution: Execution, attempt: Attempt | None) -> dict[str, str | None]:
    if execution.status in _UNDER_WAY:
        return dict.fromkeys(("failed_phase", "failure_reason", "failure_log"))
    if execution.status_source == CASE_STATUS and attempt is None:
        return {"failure_reason": execution.failure_reason or _NO_TEXT}
    if execution.status == "failed" and attempt is not None and attempt.outcome == "failed":
        return {
            "failed_phase": attempt.failed_phase,
            "failure_reason": attempt.failure or _NO_TEXT,
            "failure_log": attempt.failure_log,
        }
    return {
        "failed_phase": None,
        "failure_reason": _reason_without_error(execution, attempt),
        "failure_log": None,
    }


def _reason_without_error(execution: Execution, attempt: Attempt | None) -> str | None:
    """Return why an execution has not completed when CaseStatus has no error of its run."""
    if execution.scheduler_state is not None:
        return f"the scheduler says {execution.scheduler_state}"
    if execution.status_source == "stated":
        return None
    if CASE_STATUS in execution.missing:
        return "there is no CaseStatus, and no later one of this case tells of this run"
    if attempt is None:
        return "no CaseStatus of this case tells of this run"
    return "CaseStatus has no end of this run: its job was killed, or did not get to report it"
