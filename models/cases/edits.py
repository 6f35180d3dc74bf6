"""What comes over REST and not from files: cases and executions as JSON, edits, deletion.

It goes through the same folding and the same atomic writes as an import, each with its entry in
the collection of edits.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ingest.cases.assemble import Observation
from models.base import Stored
from models.cases.annotations import CaseAnnotations, ExecutionAnnotations
from models.cases.case import CaseRecord
from models.cases.derived import annotate, recompute
from models.cases.edit import Change
from models.cases.edit_log import Author, edit_entry
from models.cases.execution import Execution, Software, Status, Timing
from models.cases.identity import CaseKey, system_of
from models.cases.lid import parse_lid
from models.cases.merge import fold
from models.cases.simulated_date import SimulatedDate
from models.cases.store import Rewritten, read_case, remove_case, rewrite_case
from models.configuration.metadata import METADATA_FIELDS, VARIABLE_FIELDS
from models.configuration.rules import Tables
from models.configuration.values import Configuration
from models.database.client import Database
from models.database.retry import Patience
from models.errors import ConflictError, NotFoundError, OutdatedError, WriteConflictError
from models.redaction.text import without_secrets

_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class StatedExecution:
    """An execution as a workflow states it; `configuration` is by delta key, None if not known.

    `started_local` is ISO local time of the machine; it orders executions whose id is not a LID.
    """

    execution_id: str
    status: Status
    started_local: str
    ended_local: str | None = None
    job_id: str | None = None
    case_group: str | None = None
    case_hash: str | None = None
    simulation_start: SimulatedDate | None = None
    simulation_end: SimulatedDate | None = None
    timing: Timing | None = None
    software: list[Software] = field(default_factory=list)
    configuration: Mapping[str, Any] | None = None
    annotations: ExecutionAnnotations = field(default_factory=ExecutionAnnotations)


async def record_case(
    database: Database, key: CaseKey, annotations: CaseAnnotations, author: Author
) -> CaseRecord:
    """Record a case that has no executions yet; ConflictError when it is there already."""

    def new(known: CaseRecord | None) -> Rewritten[CaseRecord]:
        if known is not None:
            told = f"case {key.name} by {key.user} on {key.machine} is recorded already"
            raise ConflictError(told)
        case = _new_case(key, annotations)
        return Rewritten(case, case, (edit_entry(database, key.case_id, author, "created"),))

    case = await rewrite_case(database, key.case_id, new, _PATIENCE_SECONDS)
    assert case is not None
    return case


def _new_case(key: CaseKey, annotations: CaseAnnotations) -> CaseRecord:
    now = datetime.now(UTC)
    return CaseRecord(
        name=key.name,
        machine=key.machine,
        system=system_of(key.machine),
        user=key.user,
        annotations=annotations,
        simulation_type=annotations.simulation_type or "unknown",
        created_at=now,
        updated_at=now,
    )


async def record_execution(
    database: Database, key: CaseKey, stated: StatedExecution, author: Author, tables: Tables
) -> bool:
    """Record an execution, and its case if it is new; tell whether it was not there yet.

    ConflictError when another execution of that id is recorded: nothing is overwritten.
    """
    observation = _observation(key, stated, author)

    def add(case: CaseRecord | None) -> Rewritten[bool] | None:
        known = _execution(case, stated.execution_id) if case else None
        if known is not None and known.fingerprint == observation.execution.fingerprint:
            return None
        if known is not None:
            raise ConflictError(f"execution {stated.execution_id} is recorded already, otherwise")
        folded = fold(case, key, [observation], datetime.now(UTC), tables)
        entry = edit_entry(database, key.case_id, author, "created", stated.execution_id)
        return Rewritten(folded.case, True, (entry,))

    return await rewrite_case(database, key.case_id, add, _PATIENCE_SECONDS) or False


async def edit_case(
    database: Database,
    case_id: str,
    revision: int | None,
    changes: Mapping[str, Any],
    author: Author,
) -> None:
    """Change what people wrote about a case: `changes` by attribute of CaseAnnotations.

    NotFoundError; OutdatedError when the case is no longer at that revision. None is whatever is
    there.
    """

    def edit(case: CaseRecord) -> CaseRecord:
        return annotate(case, case.annotations.model_copy(update=dict(changes)))

    await _edit(database, case_id, revision, edit, author, "edited", None)


async def edit_execution(
    database: Database,
    case_id: str,
    execution_id: str,
    revision: int | None,
    changes: Mapping[str, Any],
    author: Author,
) -> None:
    """Change what people wrote about an execution; errors as for `edit_case`."""

    def edit(case: CaseRecord) -> CaseRecord:
        if _execution(case, execution_id) is None:
            raise NotFoundError(f"there is no execution {execution_id}")
        edited = [
            _annotated(execution, changes) if execution.execution_id == execution_id else execution
            for execution in case.executions
        ]
        return case.model_copy(update={"executions": edited})

    await _edit(database, case_id, revision, edit, author, "edited", execution_id)


async def pin_canonical(
    database: Database,
    case_id: str,
    revision: int | None,
    execution_id: str | None,
    author: Author,
    tables: Tables,
) -> None:
    """Make an execution the canonical one until it is freed, or free it with None.

    ConflictError when the configuration of the execution is not known.
    """

    def edit(case: CaseRecord) -> CaseRecord:
        if execution_id is None:
            return recompute(case.model_copy(update={"canonical_is_pinned": False}), tables)
        chosen = _execution(case, execution_id)
        if chosen is None:
            raise NotFoundError(f"there is no execution {execution_id}")
        if not chosen.has_configuration:
            raise ConflictError(f"the configuration of {execution_id} is not known")
        pinned = {"canonical_is_pinned": True, "canonical_execution_id": execution_id}
        return recompute(case, tables, choice=pinned)

    event = "canonical_freed" if execution_id is None else "canonical_pinned"
    await _edit(database, case_id, revision, edit, author, event, execution_id)


async def delete_case(database: Database, case_id: str, author: Author) -> None:
    """Remove a case with all its executions; the entry of that stays."""
    patience = Patience(_PATIENCE_SECONDS)
    while await patience.lasts():
        case = await read_case(database, case_id)
        if case is None:
            raise NotFoundError(f"there is no case {case_id}")
        record = case.record
        changes = {
            "name": Change(previous=record.name, current=None),
            "machine": Change(previous=record.machine, current=None),
            "user": Change(previous=record.user, current=None),
            "executionCount": Change(previous=record.execution_count, current=None),
        }
        entry = edit_entry(database, case_id, author, "deleted", changes=changes)
        if await remove_case(database, case_id, case, [entry]):
            return
    raise WriteConflictError("others kept writing the case; try again")


async def delete_execution(
    database: Database, case_id: str, execution_id: str, author: Author, tables: Tables
) -> None:
    """Remove an execution; what is derived from the others is made anew.

    ConflictError when it is the pinned canonical one. An import of its directory brings it back.
    """
    entry = edit_entry(database, case_id, author, "deleted", execution_id)

    def remove(case: CaseRecord | None) -> Rewritten[None]:
        if case is None:
            raise NotFoundError(f"there is no case {case_id}")
        if _execution(case, execution_id) is None:
            raise NotFoundError(f"there is no execution {execution_id}")
        if case.canonical_is_pinned and case.canonical_execution_id == execution_id:
            raise ConflictError(f"{execution_id} is pinned as canonical; free it first")
        return Rewritten(recompute(case, tables, without=execution_id), None, (entry,))

    await rewrite_case(database, case_id, remove, _PATIENCE_SECONDS)


async def _edit(
    database: Database,
    case_id: str,
    revision: int | None,
    edit: Callable[[CaseRecord], CaseRecord],
    author: Author,
    event: str,
    execution_id: str | None,
) -> None:
    def edited(case: CaseRecord | None) -> Rewritten[None] | None:
        if case is None:
            raise NotFoundError(f"there is no case {case_id}")
        if revision not in (None, case.revision):
            raise OutdatedError(f"the case is at revision {case.revision}")
        after = edit(case)
        changes = _changes(case, after, execution_id)
        entry = edit_entry(database, case_id, author, event, execution_id, changes)
        return Rewritten(after, None, (entry,)) if changes else None

    await rewrite_case(database, case_id, edited, _PATIENCE_SECONDS)


def _changes(before: CaseRecord, after: CaseRecord, execution_id: str | None) -> dict[str, Change]:
    """Return which of the fields that people decide on have changed."""
    old, new = (
        {
            "canonicalExecutionId": case.canonical_execution_id,
            "canonicalIsPinned": case.canonical_is_pinned,
            **_annotations(case, execution_id),
        }
        for case in (before, after)
    )
    return {
        name: Change(previous=old[name], current=new[name])
        for name in new
        if old[name] != new[name]
    }


def _annotations(case: CaseRecord, execution_id: str | None) -> dict[str, Any]:
    execution = _execution(case, execution_id) if execution_id else None
    annotated: Stored = execution.annotations if execution else case.annotations
    return annotated.stored()


def _annotated(execution: Execution, changes: Mapping[str, Any]) -> Execution:
    annotations = execution.annotations.model_copy(update=dict(changes))
    return execution.model_copy(update={"annotations": annotations})


def _execution(case: CaseRecord, execution_id: str) -> Execution | None:
    return next((e for e in case.executions if e.execution_id == execution_id), None)


def _observation(key: CaseKey, stated: StatedExecution, author: Author) -> Observation:
    lid = parse_lid(stated.execution_id)
    has_configuration = stated.configuration is not None
    execution = Execution(
        execution_id=stated.execution_id,
        job_id=stated.job_id or (lid.job_id if lid else None),
        job_number=lid.job_number if lid and lid.job_id else None,
        lid_time=lid.local_time if lid else stated.started_local,
        order_key=lid.order_key if lid else f"{stated.started_local}//{stated.execution_id}",
        status=stated.status,
        status_source="stated",
        complete=has_configuration,
        missing=[] if has_configuration else ["configuration"],
        case_hash=stated.case_hash,
        case_group=stated.case_group,
        run_start_local=stated.started_local,
        run_end_local=stated.ended_local,
        simulation_start=stated.simulation_start,
        simulation_end=stated.simulation_end,
        timing=stated.timing,
        software=stated.software,
        annotations=stated.annotations,
        has_configuration=has_configuration,
        fingerprint=_fingerprint(stated),
        source_path=f"stated by {author.name}",
        ingestion_id="",
    )
    configuration = None
    if stated.configuration is not None:
        configuration = Configuration.of(without_secrets(_with_fields(stated.configuration)))
    return Observation(key, execution, configuration)


def _with_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with the metadata fields that its variables give."""
    told = {
        field: values[name]
        for name, field in VARIABLE_FIELDS.items()
        if values.get(name) not in (None, "")
    }
    rest = dict.fromkeys(METADATA_FIELDS.keys() - values.keys() - told.keys())
    return {**rest, **values, **{name: str(value) for name, value in told.items()}}


def _fingerprint(stated: StatedExecution) -> str:
    """Return a digest of all that is stated, but for what people write about it."""
    content = {
        name: getattr(stated, name)
        for name in StatedExecution.__slots__
        if name not in {"annotations"}
    }
    text = json.dumps(content, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _plain(value: Any) -> Any:
    return value.stored() if isinstance(value, Stored) else dict(value)
