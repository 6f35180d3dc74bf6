"""What is derived of a case: the canonical choice, deltas, counters, lineages. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from models.cases.annotations import CaseAnnotations
from models.cases.case import CaseRecord, Lineage
from models.cases.configurations import Configurations, _lost
from models.cases.execution import Execution
from models.cases.identity import CaseKey, system_of
from models.cases.lid import parse_lid
from models.cases.runs import RunHistory
from models.cases.simulated_date import SimulatedDate, parse_iso_date
from models.configuration.delta import Delta, diff, nest_delta
from models.configuration.digest import digest_configuration
from models.configuration.metadata import metadata_values
from models.configuration.rules import DeltaRules
from models.configuration.values import Configuration


def derive_case(
    case: CaseRecord | None,
    key: CaseKey,
    executions: list[Execution],
    configurations: Configurations,
    now: datetime,
) -> CaseRecord:
    """Return the case, new or as it was, with these executions and all that is derived of them.

    `executions` are in order; only those with a new base or a new configuration get new deltas.
    DamagedError when that takes a configuration which what is stored does not give any more.
    """
    canonical = _pinned(case, executions) or choose_canonical(executions)
    canonical_id = canonical.execution_id if canonical else None
    base = _choose_base(executions, canonical_id)
    base_id = base.execution_id if base else None
    configuration = configurations.of(base) if base else None
    _keep_lost(case, configurations, base_id)
    recorded = (case.canonical_execution_id, case.configuration_of) if case else None
    is_rebased = recorded != (canonical_id, base_id) or configurations.is_new(base_id)
    updated = [
        _with_deltas(execution, configurations, configuration, base_id, canonical_id)
        if is_rebased or configurations.is_new(execution.execution_id)
        else execution
        for execution in executions
    ]
    return _new_case(case, key, now).model_copy(
        update={
            **_descriptive(configuration),
            **_stated(case),
            "system": system_of(key.machine),
            "case_group": _case_group(executions, canonical_id),
            "case_groups": sorted({e.case_group for e in executions if e.case_group}),
            "lineages": _lineages(executions),
            "canonical_execution_id": canonical_id,
            "configuration_of": base_id,
            "configuration": None if configuration is None else configuration.to_stored(),
            "executions": updated,
            "execution_count": len(updated),
            "status_counts": dict(sorted(Counter(e.status for e in updated).items())),
            "first_lid_time": updated[0].lid_time if updated else None,
            "last_lid_time": updated[-1].lid_time if updated else None,
        }
    )


def recompute(
    case: CaseRecord,
    rules: DeltaRules,
    *,
    without: str | None = None,
    choice: Mapping[str, Any] | None = None,
    configurations: Configurations | None = None,
) -> CaseRecord:
    """Return the case with everything derived made anew from what is not.

    `without` is an execution to leave out, `choice` what a person says of the canonical one.
    `configurations` are those that are known better than from the deltas. Executions that are
    right already are the same objects as before. DamagedError as for `derive_case`.
    """
    case = restate(case)
    configurations = configurations or Configurations(case, rules)
    for execution in case.executions:
        if execution.execution_id != without and not configurations.is_lost(execution.execution_id):
            configurations.put(execution.execution_id, configurations.of(execution))
    attempts = RunHistory(case.attempts)
    kept = (execution for execution in case.executions if execution.execution_id != without)
    settled = [attempts.settle(execution) for execution in kept]
    ordered = sorted(settled, key=lambda execution: execution.order_key)
    key = CaseKey(case.machine, case.user, case.name)
    chosen = case.model_copy(update=dict(choice or {}))
    right = derive_case(chosen, key, ordered, configurations, case.updated_at)
    known = {execution.execution_id: execution for execution in case.executions}
    right.executions = [
        known[execution.execution_id] if execution == known[execution.execution_id] else execution
        for execution in right.executions
    ]
    return right


def annotate(case: CaseRecord, annotations: CaseAnnotations) -> CaseRecord:
    """Return the case with what people write about it, and what follows from that alone."""
    annotated = case.model_copy(update={"annotations": annotations})
    known = case.configuration
    configuration = None if known is None else Configuration.from_stored(known)
    return annotated.model_copy(update=_descriptive(configuration) | _stated(annotated))


def restate(case: CaseRecord) -> CaseRecord:
    """Return the case with what follows from single fields of its executions made anew.

    Executions that are right already are the same objects as before.
    """
    return case.model_copy(update={"executions": [_restated(each) for each in case.executions]})


def _restated(execution: Execution) -> Execution:
    right = {
        **_from_id(execution),
        "simulation_start": _sortable(execution.simulation_start),
        "simulation_end": _sortable(execution.simulation_end),
        "has_configuration": execution.has_configuration
        or execution.configuration_digest is not None,
    }
    is_right = all(getattr(execution, name) == value for name, value in right.items())
    return execution if is_right else execution.model_copy(update=right)


def _from_id(execution: Execution) -> dict[str, Any]:
    """Return what the id tells; what is stated over REST may have any id, and a job id beside it.

    What is stated comes by no import.
    """
    lid = parse_lid(execution.execution_id)
    is_stated = not execution.ingestion_id
    if lid is not None:
        own_job = execution.job_id if is_stated else None
        return {
            "job_id": own_job or lid.job_id,
            "job_number": lid.job_number if lid.job_id else None,
            "lid_time": lid.local_time,
            "order_key": lid.order_key,
        }
    start = execution.run_start_local
    if not is_stated or start is None:
        return {}
    return {
        "job_number": None,
        "lid_time": start,
        "order_key": f"{start}//{execution.execution_id}",
    }


def _sortable(date: SimulatedDate | None) -> SimulatedDate | None:
    if date is None:
        return None
    try:
        right = parse_iso_date(date.date, date.calendar).to_stored()
    except ValueError:
        return date
    return date.model_copy(update={"sort_key": right.sort_key})


def choose_canonical(executions: Iterable[Execution]) -> Execution | None:
    """Return the earliest successful execution: by the LID's time stamp, then numeric job id."""
    successful = (execution for execution in executions if execution.is_successful)
    return min(successful, key=lambda execution: execution.order_key, default=None)


def _pinned(case: CaseRecord | None, executions: list[Execution]) -> Execution | None:
    """Return the execution that a person chose, as long as its configuration is known."""
    if case is None or not case.canonical_is_pinned:
        return None
    pinned = (e for e in executions if e.execution_id == case.canonical_execution_id)
    return next((e for e in pinned if e.has_configuration), None)


def _keep_lost(
    case: CaseRecord | None, configurations: Configurations, base_id: str | None
) -> None:
    """Refuse another base while deltas are damaged: to that they would mean nothing at all."""
    lost = [e for e in (case.executions if case else ()) if configurations.is_lost(e.execution_id)]
    if lost and base_id != configurations.base[0]:
        raise _lost(lost[0].execution_id, "its damaged deltas stand in the way of a new base")


def _choose_base(executions: list[Execution], canonical_id: str | None) -> Execution | None:
    """Return the canonical execution or, for want of one, the earliest whose configuration is."""
    if canonical_id is not None:
        return next((e for e in executions if e.execution_id == canonical_id), None)
    return next((e for e in executions if e.has_configuration), None)


def _with_deltas(
    execution: Execution,
    configurations: Configurations,
    base: Configuration | None,
    base_id: str | None,
    canonical_id: str | None,
) -> Execution:
    if configurations.is_lost(execution.execution_id):
        return execution
    own = configurations.of(execution)
    if own is not None and execution.configuration_digest is None:
        digest = digest_configuration(own, execution.unread_files)
        execution = execution.model_copy(update={"configuration_digest": digest})
    delta: Delta | None = None
    if execution.execution_id == base_id:
        delta = {}
    elif base is not None and own is not None:
        delta = diff(base, own, execution.unread_files)
    if canonical_id is None or delta is None:
        return _set_deltas(execution, provisional=delta)
    rules = configurations.rules
    changes, repeats = rules.derivation.set_repeats_apart(delta)
    files = (side.files.keys() if side is not None else () for side in (base, own))
    changed, expected = rules.variation.split(changes, *files)
    return _set_deltas(execution, changed, expected, repeats)


def _set_deltas(
    execution: Execution,
    changed: Delta | None = None,
    expected: Delta | None = None,
    repeats: Delta | None = None,
    provisional: Delta | None = None,
) -> Execution:
    return execution.model_copy(
        update={
            "run_config_deltas": _stored(changed),
            "changed": sorted(changed) if changed else [],
            "change_count": None if changed is None else len(changed),
            "expected_variation": _stored(expected),
            "repeated_deltas": _stored(repeats),
            "provisional_deltas": _stored(provisional),
        }
    )


def _stored(delta: Delta | None) -> dict[str, Any] | None:
    """Return the stored form of a delta: null, and never an empty map, when nothing differs."""
    return nest_delta(delta) if delta else None


def _new_case(case: CaseRecord | None, key: CaseKey, now: datetime) -> CaseRecord:
    return case or CaseRecord(
        name=key.name,
        machine=key.machine,
        system=system_of(key.machine),
        user=key.user,
        created_at=now,
        updated_at=now,
    )


def _descriptive(configuration: Mapping[str, Any] | None) -> dict[str, Any]:
    known = configuration or {}
    described = metadata_values(known)
    described["simulation_type"] = described["simulation_type"] or "unknown"
    described["mpilib"] = known.get("env_build.MPILIB")
    described["calendar"] = known.get("env_build.CALENDAR")
    return {name: None if value is None else str(value) for name, value in described.items()}


def _stated(case: CaseRecord | None) -> dict[str, str]:
    """Return what people say of a case that its files do not tell."""
    told = case.annotations.simulation_type if case else None
    return {} if told is None else {"simulation_type": told}


def _case_group(executions: list[Execution], canonical_id: str | None) -> str | None:
    """Return the canonical execution's group, or else the earliest that any execution tells."""
    by_preference = sorted(executions, key=lambda e: e.execution_id != canonical_id)
    return next((e.case_group for e in by_preference if e.case_group), None)


def _lineages(executions: Iterable[Execution]) -> list[Lineage]:
    """Return the lineages in the order of their first executions."""
    lineages: dict[str, Lineage] = {}
    for execution in executions:
        own = execution.case_hash
        if own is None:
            continue
        known = lineages.get(own)
        lineages[own] = Lineage(
            case_hash=own,
            execution_count=known.execution_count + 1 if known else 1,
            first_execution_id=known.first_execution_id if known else execution.execution_id,
            last_execution_id=execution.execution_id,
        )
    return list(lineages.values())
