"""Folding executions into their case: the canonical choice, deltas and counters. Pure.

The result does not depend on the order, or the batches, in which executions arrive: it is a
function of the set of executions that the case has.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ingest.assemble import Observation
from ingest.attempts import AttemptsOfCase
from models.case import CaseRecord, HistoryEntry, Lineage
from models.configuration import Configuration
from models.delta import Delta, diff, nest_delta
from models.execution import Execution
from models.identity import CaseKey, system_of
from models.lid import parse_lid
from models.metadata import metadata_values
from models.rebuild import execution_configuration
from models.tables import Tables

Outcome = Literal["created", "updated", "unchanged", "incomplete"]


_BUILTIN = Tables()


@dataclass(frozen=True, slots=True)
class Folded:
    """The case after the fold, and what became of each execution that was folded in, by LID."""

    case: CaseRecord
    outcomes: Mapping[str, Outcome]


def fold(
    case: CaseRecord | None,
    key: CaseKey,
    observations: Iterable[Observation],
    now: datetime,
    tables: Tables | None = None,
) -> Folded:
    """Return the case with these executions in it.

    A recorded execution is replaced only by a better observation of it: one that has more of its
    files, or whose files could be read.
    """
    observations = list(observations)
    executions = {e.execution_id: e for e in case.executions} if case else {}
    configurations = _Configurations(case, tables or _BUILTIN)
    outcomes: dict[str, Outcome] = {}
    attempts = AttemptsOfCase(case.attempts if case else ())
    ingestion_id = None
    for observation in sorted(observations, key=_preference, reverse=True):
        seen = observation.execution
        ingestion_id = seen.ingestion_id
        attempts.add(observation)
        known = executions.get(seen.execution_id)
        if known is None or _supersedes(observation, known):
            executions[seen.execution_id] = _in_place_of(known, seen)
            configurations.put(seen.execution_id, observation.configuration)
            outcome: Outcome = "created" if seen.complete else "incomplete"
            if known is not None:
                outcome = outcomes.get(seen.execution_id, "updated")
        else:
            outcome = outcomes.get(seen.execution_id, "unchanged")
            executions[seen.execution_id] = _at_first_path(known, seen)
        outcomes[seen.execution_id] = outcome
    settled = (attempts.settle(execution) for execution in executions.values())
    ordered = sorted(settled, key=lambda execution: execution.order_key)
    folded = _assemble_case(case, key, ordered, configurations, now)
    folded.attempts = attempts.stored()
    folded.commands, folded.commands_of = _latest_commands(case, observations)
    _note_history(case, folded, ingestion_id, now)
    return Folded(folded, outcomes)


class _Configurations:
    """The full configuration of every execution, rebuilt only when it is asked for.

    `tables` tell what their differences mean.
    """

    def __init__(self, case: CaseRecord | None, tables: Tables) -> None:
        self.tables = tables
        self._base_id = case.configuration_of if case else None
        stored = case.configuration if case else None
        self._base = None if stored is None else Configuration.from_stored(stored)
        self._new: dict[str, Configuration | None] = {}

    def put(self, execution_id: str, configuration: Configuration | None) -> None:
        """Take the configuration of an execution that is new or seen better than before."""
        self._new[execution_id] = configuration

    def is_new(self, execution_id: str | None) -> bool:
        """Tell whether the execution's configuration comes from this fold."""
        return execution_id in self._new

    def of(self, execution: Execution) -> Configuration | None:
        """Return the configuration of an execution, None when it is not known."""
        if execution.execution_id in self._new:
            return self._new[execution.execution_id]
        return execution_configuration(execution, self._base_id, self._base)


def recompute(
    case: CaseRecord,
    tables: Tables | None = None,
    *,
    without: str | None = None,
    choice: Mapping[str, Any] | None = None,
) -> CaseRecord:
    """Return the case with everything derived made anew from what is not.

    `without` is an execution to leave out, `choice` what a person says of the canonical one.
    Executions that are right already are the same objects as before.
    """
    configurations = _Configurations(case, tables or _BUILTIN)
    for execution in case.executions:
        configurations.put(execution.execution_id, configurations.of(execution))
    attempts = AttemptsOfCase(case.attempts)
    kept = (execution for execution in case.executions if execution.execution_id != without)
    settled = [attempts.settle(execution) for execution in kept]
    ordered = sorted(settled, key=lambda execution: execution.order_key)
    key = CaseKey(case.machine, case.user, case.name)
    chosen = case.model_copy(update=dict(choice or {}))
    right = _assemble_case(chosen, key, ordered, configurations, case.updated_at)
    known = {execution.execution_id: execution for execution in case.executions}
    right.executions = [
        known[execution.execution_id] if execution == known[execution.execution_id] else execution
        for execution in right.executions
    ]
    return right


def choose_canonical(executions: Iterable[Execution]) -> Execution | None:
    """Return the earliest successful execution: by the LID's time stamp, then numeric job id."""
    successful = (execution for execution in executions if execution.is_successful)
    return min(successful, key=lambda execution: execution.order_key, default=None)


def _preference(observation: Observation) -> tuple[int | str, ...]:
    """Rank observations of one execution, so that any order of them leads to the same record."""
    execution = observation.execution
    return (
        *_quality(execution),
        execution.scheduler_state or "",
        execution.files_modified,
        execution.fingerprint,
    )


def _quality(execution: Execution) -> tuple[int, ...]:
    return (
        execution.is_whole,
        execution.complete,
        execution.has_configuration,
        -len(execution.missing),
        -len(execution.unread_files),
        execution.file_count,
    )


def _supersedes(observation: Observation, known: Execution) -> bool:
    """Tell whether what is seen replaces what is recorded.

    A record that is whole is replaced only by a copy with more files; another one also by files
    that were modified later.
    """
    if known.is_whole:
        return _quality(observation.execution) > _quality(known)
    return _preference(observation) > _preference(Observation(observation.key, known, None))


def _in_place_of(known: Execution | None, seen: Execution) -> Execution:
    """Return what is seen with what people wrote about what was known."""
    if known is None:
        return seen
    kept = seen.model_copy(
        update={"annotations": known.annotations, "software_links": known.software_links}
    )
    return _at_first_path(kept, known)


def _at_first_path(kept: Execution, other: Execution) -> Execution:
    """Keep of several places where the same files lie the one that sorts first."""
    if other.fingerprint != kept.fingerprint or other.source_path >= kept.source_path:
        return kept
    return kept.model_copy(update={"source_path": other.source_path})


def _assemble_case(
    case: CaseRecord | None,
    key: CaseKey,
    executions: list[Execution],
    configurations: _Configurations,
    now: datetime,
) -> CaseRecord:
    canonical = _pinned(case, executions) or choose_canonical(executions)
    canonical_id = canonical.execution_id if canonical else None
    base = _choose_base(executions, canonical_id)
    base_id = base.execution_id if base else None
    configuration = configurations.of(base) if base else None
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


def _pinned(case: CaseRecord | None, executions: list[Execution]) -> Execution | None:
    """Return the execution that a person chose, as long as its configuration is known."""
    if case is None or not case.canonical_is_pinned:
        return None
    pinned = (e for e in executions if e.execution_id == case.canonical_execution_id)
    return next((e for e in pinned if e.has_configuration), None)


def _choose_base(executions: list[Execution], canonical_id: str | None) -> Execution | None:
    """Return the canonical execution or, for want of one, the earliest whose configuration is."""
    if canonical_id is not None:
        return next((e for e in executions if e.execution_id == canonical_id), None)
    return next((e for e in executions if e.has_configuration), None)


def _with_deltas(
    execution: Execution,
    configurations: _Configurations,
    base: Configuration | None,
    base_id: str | None,
    canonical_id: str | None,
) -> Execution:
    own = configurations.of(execution)
    delta: Delta | None = None
    if execution.execution_id == base_id:
        delta = {}
    elif base is not None and own is not None:
        delta = diff(base, own, execution.unread_files)
    if canonical_id is None or delta is None:
        return _set_deltas(execution, provisional=delta)
    tables = configurations.tables
    changes, repeats = tables.derivation.set_repeats_apart(delta)
    files = (side.files.keys() if side is not None else () for side in (base, own))
    changed, expected = tables.variation.split(changes, *files)
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
    if configuration is None:
        return {}
    described = metadata_values(configuration)
    described["simulation_type"] = described["simulation_type"] or "unknown"
    described["mpilib"] = configuration.get("env_build.MPILIB")
    described["calendar"] = configuration.get("env_build.CALENDAR")
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


def _latest_commands(
    case: CaseRecord | None, observations: Iterable[Observation]
) -> tuple[list[str], str | None]:
    """Return the commands of the latest execution that has any; of two copies, the more."""
    told = [(list(o.commands), o.execution.execution_id) for o in observations if o.commands]
    if case is not None and case.commands_of is not None:
        told.append((case.commands, case.commands_of))
    return max(told, key=_order_of_commands, default=([], None))


def _order_of_commands(told: tuple[list[str], str | None]) -> tuple[str, int, list[str]]:
    commands, execution_id = told
    lid = parse_lid(execution_id or "")
    return lid.order_key if lid else "", len(commands), commands


def _note_history(
    before: CaseRecord | None, after: CaseRecord, ingestion_id: str | None, now: datetime
) -> None:
    previous = before.canonical_execution_id if before else None
    if previous is not None and previous != after.canonical_execution_id:
        entry = HistoryEntry(
            at=now,
            event="canonical_changed",
            previous=previous,
            current=after.canonical_execution_id,
            ingestion_id=ingestion_id,
        )
        after.history = [*after.history, entry]
