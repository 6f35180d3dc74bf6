"""Merging observed executions into their case. Pure.

The result does not depend on the order, or the batches, in which executions arrive: it is a
function of the set of executions that the case has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Literal, TypeVar

from models.cases.case import CaseChange, CaseRecord, FailedBuild, HistoryEntry
from models.cases.configurations import Configurations
from models.cases.derived import derive_case
from models.cases.execution import Execution
from models.cases.identity import CaseKey
from models.cases.lid import parse_lid
from models.cases.observation import Observation
from models.cases.runs import RunHistory
from models.cases.scheduler import state_rank
from models.configuration.rules import DeltaRules

_MAX_LOCATIONS = 50
_MAX_EVENTS = 2000

E = TypeVar("E", bound=CaseChange | FailedBuild)

Outcome = Literal["created", "updated", "unchanged", "incomplete"]


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged case, and the outcome of each observed execution by its id."""

    case: CaseRecord
    outcomes: Mapping[str, Outcome]


def merge(
    case: CaseRecord | None,
    key: CaseKey,
    observations: Iterable[Observation],
    now: datetime,
    rules: DeltaRules,
) -> Merged:
    """Return the case, new when `case` is None, with these executions merged into it.

    A recorded execution is replaced only by a better observation of it: one that has more of its
    files, or whose files could be read, or that a later version has read.
    """
    observations = list(observations)
    executions = {e.execution_id: e for e in case.executions} if case else {}
    configurations = Configurations(case, rules)
    outcomes: dict[str, Outcome] = {}
    runs = RunHistory(case.attempts if case else ())
    ingestion_id = None
    for observation in sorted(observations, key=lambda o: _preference(o.execution), reverse=True):
        seen = observation.execution
        ingestion_id = seen.ingestion_id
        runs.add(observation)
        known = executions.get(seen.execution_id)
        if known is None or _preference(seen) > _preference(known):
            executions[seen.execution_id] = _replacing(known, seen)
            configurations.put(seen.execution_id, observation.configuration)
            outcome: Outcome = "created" if seen.complete else "incomplete"
            if known is not None:
                outcome = outcomes.get(seen.execution_id, "updated")
        else:
            kept = executions[seen.execution_id] = _with_sources(known, seen)
            is_updated = kept.scheduler_state != known.scheduler_state
            outcome = outcomes.get(seen.execution_id, "updated" if is_updated else "unchanged")
        outcomes[seen.execution_id] = outcome
    resolved = (runs.resolve(execution) for execution in executions.values())
    ordered = sorted(resolved, key=lambda execution: execution.order_key)
    merged = derive_case(case, key, ordered, configurations, now)
    merged.attempts = runs.stored()
    merged.changes = _latest(case.changes if case else (), (o.changes for o in observations))
    builds = (o.failed_builds for o in observations)
    merged.failed_builds = _latest(case.failed_builds if case else (), builds)
    merged.commands, merged.commands_of = _latest_commands(case, observations)
    _note_history(case, merged, ingestion_id, now)
    return Merged(merged, outcomes)


def _preference(execution: Execution) -> tuple[int | str, ...]:
    """Return the rank of a copy of an execution, so that any order of copies gives the same record.

    Among copies of the same quality, the one with the oldest files ranks highest when they are
    whole, because what is recorded whole is not overwritten. When they are not, it is the one that
    was modified last, because it is still being written.
    """
    age = -execution.files_modified if execution.is_whole else execution.files_modified
    return (*_quality(execution), age, execution.fingerprint)


def _quality(execution: Execution) -> tuple[int, ...]:
    return (
        execution.is_whole,
        execution.complete,
        execution.has_configuration,
        execution.reader,
        -len(execution.missing),
        -len(execution.unread_files),
        execution.file_count,
    )


def _replacing(known: Execution | None, seen: Execution) -> Execution:
    """Return the new observation with the annotations and stated links of the known execution."""
    if known is None:
        return _with_sources(seen, seen)
    kept = seen.model_copy(
        update={"annotations": known.annotations, "software_links": known.software_links}
    )
    return _with_sources(kept, known)


def _with_sources(kept: Execution, other: Execution) -> Execution:
    """Return an execution with the locations and the scheduler state of another copy added.

    Of several locations of equally good copies, the one that sorts first is the `source_path`.
    """
    locations = {kept.source_path, other.source_path, *kept.found_at, *other.found_at}
    update = {
        "found_at": sorted(locations)[:_MAX_LOCATIONS],
        "scheduler_state": max(kept.scheduler_state, other.scheduler_state, key=state_rank),
    }
    if _preference(other) == _preference(kept):
        update["source_path"] = min(kept.source_path, other.source_path)
    is_unchanged = all(getattr(kept, name) == value for name, value in update.items())
    return kept if is_unchanged else kept.model_copy(update=update)


def _latest(known: Iterable[E], told: Iterable[Iterable[E]]) -> list[E]:
    """Return all events once, in order of time: at most the last 2000.

    Observations share what the files of their case have in common: most are the same objects.
    """
    distinct = {id(event): event for event in (*known, *chain.from_iterable(told))}
    events = {(event.time, event.model_dump_json()): event for event in distinct.values()}
    return [events[key] for key in sorted(events)[-_MAX_EVENTS:]]


def _latest_commands(
    case: CaseRecord | None, observations: Iterable[Observation]
) -> tuple[list[str], str | None]:
    """Return the commands of the latest whole execution that has any, and its id.

    Of several copies of that execution, the one with the most commands counts.
    """
    candidates = [
        (list(o.commands), o.execution.execution_id)
        for o in observations
        if o.commands and o.execution.is_whole
    ]
    if case is not None and case.commands_of is not None:
        candidates.append((case.commands, case.commands_of))
    return max(candidates, key=_order_of_commands, default=([], None))


def _order_of_commands(candidate: tuple[list[str], str | None]) -> tuple[str, int, list[str]]:
    commands, execution_id = candidate
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
