"""Recording cases and executions: observed by an import, or stated over REST."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from models.base import Stored
from models.cases.annotations import CaseAnnotations, ExecutionAnnotations
from models.cases.case import CaseRecord
from models.cases.edit_log import Author, edit_entry
from models.cases.execution import Execution, Software, Timing
from models.cases.identity import CaseKey, system_of
from models.cases.lid import parse_lid
from models.cases.merge import Merged, merge
from models.cases.observation import Observation
from models.cases.scheduler import Status
from models.cases.simulated_date import SimulatedDate
from models.cases.store import CaseRewrite, read_case, rewrite_case
from models.configuration.metadata import METADATA_FIELDS, VARIABLE_FIELDS
from models.configuration.rules import DeltaRules
from models.configuration.values import Configuration
from models.database.client import Database
from models.database.retry import IMPORT_RETRY_SECONDS, REQUEST_RETRY_SECONDS
from models.errors import ConflictError
from models.redaction.text import without_secrets
from models.version import READER_VERSION


@dataclass(frozen=True, slots=True)
class StatedExecution:
    """An execution as a workflow states it; `configuration` is by delta key, None if unknown.

    `started_local` is ISO local time of the machine; executions whose id is not a LID are ordered
    by it.
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
    """Record a case that has no executions yet; ConflictError when it is recorded already."""

    def create(known: CaseRecord | None) -> CaseRewrite[CaseRecord]:
        if known is not None:
            message = f"case {key.name} by {key.user} on {key.machine} is recorded already"
            raise ConflictError(message)
        case = _new_case(key, annotations)
        return CaseRewrite(case, case, (edit_entry(database, key.case_id, author, "created"),))

    case = await rewrite_case(database, key.case_id, create, REQUEST_RETRY_SECONDS)
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
    database: Database, key: CaseKey, stated: StatedExecution, author: Author, rules: DeltaRules
) -> bool:
    """Record an execution, and its case if that is new.

    Return False when the same execution is recorded already. Raise ConflictError when a different
    one with the same id is recorded: nothing is overwritten.
    """
    observation = _observation(key, stated, author)

    def add(case: CaseRecord | None) -> CaseRewrite[bool] | None:
        known = case.find_execution(stated.execution_id) if case else None
        if known is not None and known.fingerprint == observation.execution.fingerprint:
            return None
        if known is not None:
            message = f"execution {stated.execution_id} is recorded already, with other values"
            raise ConflictError(message)
        merged = merge(case, key, [observation], datetime.now(UTC), rules)
        entry = edit_entry(database, key.case_id, author, "created", stated.execution_id)
        return CaseRewrite(merged.case, True, (entry,))

    return await rewrite_case(database, key.case_id, add, REQUEST_RETRY_SECONDS) or False


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
        reader=READER_VERSION,
        fingerprint=_fingerprint(stated),
        source_path=f"stated by {author.name}",
        ingestion_id="",
    )
    configuration = None
    if stated.configuration is not None:
        configuration = Configuration.of(without_secrets(_with_metadata(stated.configuration)))
    return Observation(key, execution, configuration)


def _with_metadata(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with its metadata fields, null where no variable provides one."""
    derived = {
        field: values[name]
        for name, field in VARIABLE_FIELDS.items()
        if values.get(name) not in (None, "")
    }
    unknown = dict.fromkeys(METADATA_FIELDS.keys() - values.keys() - derived.keys())
    return {**unknown, **values, **{name: str(value) for name, value in derived.items()}}


def _fingerprint(stated: StatedExecution) -> str:
    """Return a digest of everything that is stated except the annotations."""
    content = {
        name: getattr(stated, name)
        for name in StatedExecution.__slots__
        if name not in {"annotations"}
    }
    text = json.dumps(content, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _plain(value: Any) -> Any:
    return value.stored() if isinstance(value, Stored) else dict(value)


async def write_case(
    database: Database,
    key: CaseKey,
    observations: Sequence[Observation],
    rules: DeltaRules,
    *,
    dry_run: bool = False,
) -> Merged:
    """Merge observed executions into their case and store it, unless `dry_run`; return the result.

    When another importer writes the same case in the meantime, the executions are merged again into
    the case as that importer left it. Raise WriteConflictError when others keep writing it.
    """

    def merge_into(case: CaseRecord | None) -> CaseRewrite[Merged]:
        merged = merge(case, key, observations, datetime.now(UTC), rules)
        return CaseRewrite(merged.case, merged)

    if dry_run:
        before = await read_case(database, key.case_id)
        return merge_into(before.record if before else None).result
    merged = await rewrite_case(database, key.case_id, merge_into, IMPORT_RETRY_SECONDS)
    assert merged is not None
    return merged
