"""What follows for a build from what is reported of it: how it goes on, and how it ended. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.builds.build import BuildPhase, BuildRecord

_OF_LOG = (
    "error_count", "warning_count", "omitted_event_count", "event_count", "events", "event_words",
    "logs",
)  # fmt: skip
_OPEN = {"running", "unknown"}


def final_state(known: BuildRecord, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a build failed that is told to have ended, and how its phases went.

    It failed in its last phase, unless another is told. That it was cancelled is no longer said.
    """
    status = told.get("status", known.status)
    if status not in {"success", "failed"}:
        return {} if status == "cancelled" else {"cancelled_by": None}
    failed = None
    if status == "failed":
        last = known.phases[-1].name if known.phases else None
        failed = told.get("failed_phase") or known.failed_phase or last
    return {
        "failed_phase": failed,
        "phases": [_settled(phase, failed) for phase in known.phases],
        "cancelled_by": None,
    }


def _settled(phase: BuildPhase, failed: str | None) -> BuildPhase:
    if phase.name == failed:
        return phase.model_copy(update={"status": "failed"})
    return phase.model_copy(update={"status": "success"}) if phase.status in _OPEN else phase


def merge_log(log: BuildRecord, known: BuildRecord) -> dict[str, Any]:
    """Return what a log adds: where phases are that were reported, and those that were not."""
    reported = {phase.name: phase for phase in known.phases}
    found = [
        phase.model_copy(update=_said(reported[phase.name])) if phase.name in reported else phase
        for phase in log.phases
    ]
    return {
        **{name: getattr(log, name) for name in _OF_LOG},
        "phases": _in_order(known.phases, found),
        "started_local": known.started_local or log.started_local,
        "order_key": known.order_key or log.order_key,
        "failed_phase": known.failed_phase or log.failed_phase,
    }


def _in_order(reported: Sequence[BuildPhase], found: Sequence[BuildPhase]) -> list[BuildPhase]:
    """Return the phases of a log with those that were only reported, in the order of both."""
    phases: dict[str, BuildPhase] = {}
    places = {phase.name: number for number, phase in enumerate(found, 1)}
    for phase in reported:
        before = found[: places.get(phase.name, 0)]
        phases |= {each.name: each for each in before} or {phase.name: phase}
    return list((phases | {each.name: each for each in found}).values())


def _said(phase: BuildPhase) -> dict[str, Any]:
    told = {"status": phase.status, "seconds": phase.seconds, "started_local": phase.started_local}
    return {name: value for name, value in told.items() if value not in {None, "unknown"}}
