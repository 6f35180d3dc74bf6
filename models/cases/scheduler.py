"""The job states of the scheduler, and the status of an execution that each means."""

from typing import Literal, get_args

Status = Literal["completed", "failed", "timeout", "cancelled", "running", "unknown"]
STATUSES: tuple[Status, ...] = get_args(Status)

SCHEDULER_STATES: dict[str, Status] = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "NODE_FAIL": "failed",
    "OUT_OF_MEMORY": "failed",
    "BOOT_FAIL": "failed",
    "TIMEOUT": "timeout",
    "DEADLINE": "timeout",
    "CANCELLED": "cancelled",
    "PREEMPTED": "cancelled",
    "REVOKED": "cancelled",
    "RUNNING": "running",
    "COMPLETING": "running",
    "RESIZING": "running",
    "SUSPENDED": "running",
    "UNKNOWN": "unknown",
}
"""The status of an execution by the job state that Slurm's sacct reports."""


def scheduler_status(state: str) -> Status:
    """Return the status that a state of the scheduler means; `unknown` for an unknown state."""
    return SCHEDULER_STATES.get(state, "unknown")


def state_rank(state: str | None) -> tuple[int, str]:
    """Return the rank of a state among those of one execution; the most informative ranks last.

    The order is: no state, an unknown one, a running job, the end of the job.
    """
    if state is None:
        return 0, ""
    return {"unknown": 1, "running": 2}.get(scheduler_status(state), 3), state
