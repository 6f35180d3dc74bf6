"""Folding executions into their case. Pure.

The result does not depend on the order, or the batches, in which executions arrive: it is a
function of the set of executions that the case has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from models.cases.case import CaseRecord, HistoryEntry
from models.cases.configurations import Configurations
from models.cases.derived import derive_case
from models.cases.execution import Execution
from models.cases.identity import CaseKey
from models.cases.lid import parse_lid
from models.cases.observation import Observation
from models.cases.runs import RunHistory
from models.cases.scheduler import state_rank
from models.configuration.rules import DeltaRules

_MOST_PLACES = 50

Outcome = Literal["created", "updated", "unchanged", "incomplete"]


@dataclass(frozen=True, slots=True)
class Merged:
    """The case after the fold, and what became of each execution that was folded in, by LID."""

    case: CaseRecord
    outcomes: Mapping[str, Outcome]


def merge(
    case: CaseRecord | None,
    key: CaseKey,
    observations: Iterable[Observation],
    now: datetime,
    rules: DeltaRules,
) -> Merged:
    """Return the case with these executions in it.

    A recorded execution is replaced only by a better observation of it: one that has more of its
    files, or whose files could be read.
    """
    observations = list(observations)
    executions = {e.execution_id: e for e in case.executions} if case else {}
    configurations = Configurations(case, rules)
    outcomes: dict[str, Outcome] = {}
    attempts = RunHistory(case.attempts if case else ())
    ingestion_id = None
    for observation in sorted(observations, key=lambda o: _preference(o.execution), reverse=True):
        seen = observation.execution
        ingestion_id = seen.ingestion_id
        attempts.add(observation)
        known = executions.get(seen.execution_id)
        if known is None or _preference(seen) > _preference(known):
            executions[seen.execution_id] = _replacing(known, seen)
            configurations.put(seen.execution_id, observation.configuration)
            outcome: Outcome = "created" if seen.complete else "incomplete"
            if known is not None:
                outcome = outcomes.get(seen.execution_id, "updated")
        else:
            kept = executions[seen.execution_id] = _with_sources(known, seen)
            has_learnt = kept.scheduler_state != known.scheduler_state
            outcome = outcomes.get(seen.execution_id, "updated" if has_learnt else "unchanged")
        outcomes[seen.execution_id] = outcome
    settled = (attempts.settle(execution) for execution in executions.values())
    ordered = sorted(settled, key=lambda execution: execution.order_key)
    folded = derive_case(case, key, ordered, configurations, now)
    folded.attempts = attempts.stored()
    folded.commands, folded.commands_of = _latest_commands(case, observations)
    _note_history(case, folded, ingestion_id, now)
    return Merged(folded, outcomes)


def _preference(execution: Execution) -> tuple[int | str, ...]:
    """Rank copies of one execution, so that any order of them leads to the same record.

    Of two that are whole the older files stay, for what is recorded whole is not overwritten; of
    others those that were modified last, for they are still being written.
    """
    age = -execution.files_modified if execution.is_whole else execution.files_modified
    return (*_quality(execution), age, execution.fingerprint)


def _quality(execution: Execution) -> tuple[int, ...]:
    return (
        execution.is_whole,
        execution.complete,
        execution.has_configuration,
        -len(execution.missing),
        -len(execution.unread_files),
        execution.file_count,
    )


def _replacing(known: Execution | None, seen: Execution) -> Execution:
    """Return what is seen with what people wrote about what was known."""
    if known is None:
        return _with_sources(seen, seen)
    kept = seen.model_copy(
        update={"annotations": known.annotations, "software_links": known.software_links}
    )
    return _with_sources(kept, known)


def _with_sources(kept: Execution, other: Execution) -> Execution:
    """Add to a copy what another one tells: where it lies, and the scheduler's state.

    Of several places where equally good copies lie the one that sorts first is the source.
    """
    places = {kept.source_path, other.source_path, *kept.found_at, *other.found_at}
    told = {
        "found_at": sorted(places)[:_MOST_PLACES],
        "scheduler_state": max(kept.scheduler_state, other.scheduler_state, key=state_rank),
    }
    if _preference(other) == _preference(kept):
        told["source_path"] = min(kept.source_path, other.source_path)
    is_told = all(getattr(kept, name) == value for name, value in told.items())
    return kept if is_told else kept.model_copy(update=told)


def _latest_commands(
    case: CaseRecord | None, observations: Iterable[Observation]
) -> tuple[list[str], str | None]:
    """Return the commands of the latest whole execution that has any; of two copies, the more."""
    told = [
        (list(o.commands), o.execution.execution_id)
        for o in observations
        if o.commands and o.execution.is_whole
    ]
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
