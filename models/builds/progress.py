"""The rules by which reports change a build: how it progresses, and how it ends. Pure.

Each function returns fields of `BuildRecord` to set, by name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from models.builds.build import BuildPhase, BuildRecord

_LOG_FIELDS = (
    "error_count", "warning_count", "omitted_event_count", "event_count", "events", "event_words",
    "logs",
)  # fmt: skip
_OPEN = {"running", "unknown"}


def final_state(known: BuildRecord, update: Mapping[str, Any]) -> dict[str, Any]:
    """Return the final failed phase and phases of a build if `update` leaves it ended.

    The failed phase is the reported one, or else the last. Phases without a result have succeeded.
    A status other than `cancelled` also removes the cause of a cancellation.
    """
    status = update.get("status", known.status)
    if status not in {"success", "failed"}:
        return {} if status == "cancelled" else {"cancelled_by": None}
    failed_phase = None
    if status == "failed":
        last = known.phases[-1].name if known.phases else None
        failed_phase = update.get("failed_phase") or known.failed_phase or last
    return {
        "failed_phase": failed_phase,
        "phases": [_ended(phase, failed_phase) for phase in known.phases],
        "cancelled_by": None,
    }


def _ended(phase: BuildPhase, failed_phase: str | None) -> BuildPhase:
    if phase.name == failed_phase:
        return phase.model_copy(update={"status": "failed"})
    return phase.model_copy(update={"status": "success"}) if phase.status in _OPEN else phase


def merge_log(log: BuildRecord, known: BuildRecord) -> dict[str, Any]:
    """Return the fields of a known build with what its log shows merged in.

    The log supplies the positions of the phases, and may show phases that were not reported. The
    reported status and times of a phase are kept.
    """
    reported = {phase.name: phase for phase in known.phases}
    logged = [
        phase.model_copy(update=_reported_fields(reported[phase.name]))
        if phase.name in reported
        else phase
        for phase in log.phases
    ]
    return {
        **{name: getattr(log, name) for name in _LOG_FIELDS},
        "phases": _in_order(known.phases, logged),
        "started_local": known.started_local or log.started_local,
        "order_key": known.order_key or log.order_key,
        "failed_phase": known.failed_phase or log.failed_phase,
    }


def _in_order(reported: Sequence[BuildPhase], logged: Sequence[BuildPhase]) -> list[BuildPhase]:
    """Return the phases of a log and those that were only reported, in the order of both.

    reported   configure, build, install
    logged     autoreconf, configure, install
    result     autoreconf, configure, build, install
    """
    phases: dict[str, BuildPhase] = {}
    positions = {phase.name: number for number, phase in enumerate(logged, 1)}
    for phase in reported:
        up_to_phase = logged[: positions.get(phase.name, 0)]
        phases |= {earlier.name: earlier for earlier in up_to_phase} or {phase.name: phase}
    return list((phases | {phase.name: phase for phase in logged}).values())


def _reported_fields(phase: BuildPhase) -> dict[str, Any]:
    fields = {
        "status": phase.status,
        "seconds": phase.seconds,
        "started_local": phase.started_local,
    }
    return {name: value for name, value in fields.items() if value not in {None, "unknown"}}
