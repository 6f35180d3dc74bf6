"""States of the scheduler, and what they mean for an execution."""

from models.cases.execution import Status

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
"""How Slurm's sacct names the ends of jobs, and what they mean for an execution."""


def scheduler_status(state: str) -> Status:
    """Return what a state of the scheduler means for an execution; `unknown` for an odd one."""
    return SCHEDULER_STATES.get(state, "unknown")


def state_rank(state: str | None) -> tuple[int, str]:
    """Order states of one execution by what they say: none, nothing, no end yet, its end."""
    if state is None:
        return 0, ""
    return {"unknown": 1, "running": 2}.get(scheduler_status(state), 3), state
