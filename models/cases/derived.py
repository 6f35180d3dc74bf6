"""The derived fields of a case: the canonical choice, deltas, counters, lineages. Pure.

executions ──> canonical execution ──> base ──> deltas of every execution
               (pinned, or else the     (the canonical execution, or else the
                earliest successful)     earliest with a configuration)
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from models.cases.annotations import CaseAnnotations
from models.cases.baselines import split_delta, with_previous
from models.cases.case import CaseRecord, Lineage
from models.cases.configurations import Configurations, lost_configuration
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
    """Return the case, new or updated, with these executions and all fields derived from them.

    `executions` are in the order of `order_key`. Deltas are recomputed only of executions with a
    new configuration, or of all when the base is new. Raise DamagedError when that needs a
    configuration that can no longer be rebuilt from what is stored.
    """
    canonical = _pinned(case, executions) or choose_canonical(executions)
    canonical_id = canonical.execution_id if canonical else None
    base = _choose_base(executions, canonical_id)
    base_id = base.execution_id if base else None
    configuration = configurations.of(base) if base else None
    _check_lost(case, configurations, base_id)
    recorded = (case.canonical_execution_id, case.configuration_of) if case else None
    is_rebased = recorded != (canonical_id, base_id) or configurations.is_new(base_id)
    updated = [
        _with_deltas(execution, configurations, configuration, base_id, canonical_id)
        if is_rebased or configurations.is_new(execution.execution_id)
        else execution
        for execution in with_previous(executions, configurations)  # by the deltas that are stored
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
    """Return the case with all derived fields recomputed.

    `without` is the id of an execution to leave out. `choice` updates `canonical_is_pinned` and
    `canonical_execution_id`. `configurations` replace those that the deltas give. Executions that
    do not change stay the same objects. Raise DamagedError as `derive_case` does.
    """
    case = restate(case)
    configurations = configurations or Configurations(case, rules)
    for execution in case.executions:
        if execution.execution_id != without and not configurations.is_lost(execution.execution_id):
            configurations.put(execution.execution_id, configurations.of(execution))
    runs = RunHistory(case.attempts)
    kept = (execution for execution in case.executions if execution.execution_id != without)
    resolved = [runs.resolve(execution) for execution in kept]
    ordered = sorted(resolved, key=lambda execution: execution.order_key)
    key = CaseKey(case.machine, case.user, case.name)
    chosen = case.model_copy(update=dict(choice or {}))
    derived = derive_case(chosen, key, ordered, configurations, case.updated_at)
    known = {execution.execution_id: execution for execution in case.executions}
    derived.executions = [
        known[execution.execution_id] if execution == known[execution.execution_id] else execution
        for execution in derived.executions
    ]
    return derived


def annotate(case: CaseRecord, annotations: CaseAnnotations) -> CaseRecord:
    """Return the case with these annotations, and the fields derived from them updated."""
    annotated = case.model_copy(update={"annotations": annotations})
    stored = case.configuration
    configuration = None if stored is None else Configuration.from_stored(stored)
    return annotated.model_copy(update=_descriptive(configuration) | _stated(annotated))


def restate(case: CaseRecord) -> CaseRecord:
    """Return the case with those fields recomputed that derive from one execution alone.

    Executions that do not change stay the same objects.
    """
    executions = [_restated(execution) for execution in case.executions]
    return case.model_copy(update={"executions": executions})


def _restated(execution: Execution) -> Execution:
    fields = {
        **_from_id(execution),
        "simulation_start": _sortable(execution.simulation_start),
        "simulation_end": _sortable(execution.simulation_end),
        "has_configuration": execution.has_configuration
        or execution.configuration_digest is not None,
    }
    is_unchanged = all(getattr(execution, name) == value for name, value in fields.items())
    return execution if is_unchanged else execution.model_copy(update=fields)


def _from_id(execution: Execution) -> dict[str, Any]:
    """Return the fields that derive from the execution's id.

    An execution that was stated over REST, which has no `ingestion_id`, may have an id that is not
    a LID, and a job id that its id does not contain.
    """
    lid = parse_lid(execution.execution_id)
    is_stated = not execution.ingestion_id
    if lid is not None:
        stated_job = execution.job_id if is_stated else None
        return {
            "job_id": stated_job or lid.job_id,
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
    """Return the date with its sort key recomputed, or unchanged when it is not valid."""
    if date is None:
        return None
    try:
        parsed = parse_iso_date(date.date, date.calendar).to_stored()
    except ValueError:
        return date
    return date.model_copy(update={"sort_key": parsed.sort_key})


def choose_canonical(executions: Iterable[Execution]) -> Execution | None:
    """Return the earliest successful execution: by the LID's time stamp, then numeric job id."""
    successful = (execution for execution in executions if execution.is_successful)
    return min(successful, key=lambda execution: execution.order_key, default=None)


def _pinned(case: CaseRecord | None, executions: list[Execution]) -> Execution | None:
    """Return the execution that a person pinned, if its configuration is known."""
    if case is None or not case.canonical_is_pinned:
        return None
    pinned = (e for e in executions if e.execution_id == case.canonical_execution_id)
    return next((e for e in pinned if e.has_configuration), None)


def _check_lost(
    case: CaseRecord | None, configurations: Configurations, base_id: str | None
) -> None:
    """Refuse to change the base while damaged deltas exist.

    They are meaningful only relative to the present base.
    """
    lost = [e for e in (case.executions if case else ()) if configurations.is_lost(e.execution_id)]
    if lost and base_id != configurations.base[0]:
        detail = "its damaged deltas prevent the change to a new base configuration"
        raise lost_configuration(lost[0].execution_id, detail)


def _choose_base(executions: list[Execution], canonical_id: str | None) -> Execution | None:
    """Return the canonical execution or, without one, the earliest with a known configuration."""
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
    current = configurations.of(execution)
    if current is not None and execution.configuration_digest is None:
        digest = digest_configuration(current, execution.unread_files)
        execution = execution.model_copy(update={"configuration_digest": digest})
    delta: Delta | None = None
    if execution.execution_id == base_id:
        delta = {}
    elif base is not None and current is not None:
        delta = diff(base, current, execution.unread_files)
    if canonical_id is None or delta is None:
        return _set_deltas(execution, provisional=delta)
    found = split_delta(delta, base, current, configurations.rules)
    return _set_deltas(execution, found.changed, found.expected, found.repeats)


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
    """Return the stored form of a delta: None, not an empty map, when nothing differs."""
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
    """Return the fields of a case that its configuration gives."""
    values = configuration or {}
    fields = metadata_values(values)
    fields["simulation_type"] = fields["simulation_type"] or "unknown"
    fields["mpilib"] = values.get("env_build.MPILIB")
    fields["calendar"] = values.get("env_build.CALENDAR")
    return {name: None if value is None else str(value) for name, value in fields.items()}


def _stated(case: CaseRecord | None) -> dict[str, str]:
    """Return the fields that people state of a case, because its files do not contain them."""
    simulation_type = case.annotations.simulation_type if case else None
    return {} if simulation_type is None else {"simulation_type": simulation_type}


def _case_group(executions: list[Execution], canonical_id: str | None) -> str | None:
    """Return the canonical execution's group, or else that of the earliest that has one."""
    by_preference = sorted(executions, key=lambda e: e.execution_id != canonical_id)
    return next((e.case_group for e in by_preference if e.case_group), None)


def _lineages(executions: Iterable[Execution]) -> list[Lineage]:
    """Return the lineages in the order of their first executions."""
    by_hash: dict[str, list[Execution]] = {}
    for execution in executions:
        if execution.case_hash is not None:
            by_hash.setdefault(execution.case_hash, []).append(execution)
    return [_lineage(case_hash, members) for case_hash, members in by_hash.items()]


def _lineage(case_hash: str, executions: Sequence[Execution]) -> Lineage:
    canonical = choose_canonical(executions)
    return Lineage(
        case_hash=case_hash,
        execution_count=len(executions),
        first_execution_id=executions[0].execution_id,
        last_execution_id=executions[-1].execution_id,
        canonical_execution_id=canonical.execution_id if canonical else None,
    )
