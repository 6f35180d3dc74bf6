"""Case: one simulation experiment, the aggregate root, one document."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from beanie import Document
from pydantic import Field

from models.database import Index
from models.execution import Execution
from models.stored import Stored


class HistoryEntry(Stored):
    """One change of a case that is not simply a new execution, such as of the canonical one."""

    at: datetime
    event: str
    previous: str | None
    current: str | None
    ingestion_id: str | None = None


class Attempt(Stored):
    """One `case.run` that CaseStatus tells of: ISO local times, and what became of it.

    `told_by` is the execution whose CaseStatus says so.
    """

    job_id: str | None
    start: str
    end: str | None
    outcome: str
    told_by: str


class CaseRecord(Stored):
    """What a case document holds, whether or not a database is at hand.

    `configuration` is the full configuration of the execution that `configuration_of` names: the
    canonical one, or, while there is none, the earliest whose configuration could be read. Its
    keys are delta keys, nested along their dots: `configuration.env_run.STOP_N`. The metadata
    fields stand in it under their own snake_case names, and beside it, for searching, in
    camelCase.
    """

    name: str
    machine: str
    system: str
    user: str
    case_group: str | None = None
    canonical_execution_id: str | None = None
    canonical_is_pinned: bool = False
    compset: str | None = None
    compset_alias: str | None = None
    grid_name: str | None = None
    grid_resolution: str | None = None
    initialization_type: str | None = None
    compiler: str | None = None
    mpilib: str | None = None
    calendar: str | None = None
    git_tag: str | None = None
    git_commit_hash: str | None = None
    git_branch: str | None = None
    git_repository_url: str | None = None
    campaign: str | None = None
    experiment_type: str | None = None
    simulation_type: str = "unknown"
    configuration_of: str | None = None
    configuration: dict[str, Any] | None = None
    executions: list[Execution] = Field(default_factory=list)
    attempts: list[Attempt] = Field(default_factory=list)
    execution_count: int = 0
    status_counts: dict[str, int] = Field(default_factory=dict)
    first_lid_time: str | None = None
    last_lid_time: str | None = None
    history: list[HistoryEntry] = Field(default_factory=list)
    revision: int = 0
    created_at: datetime
    updated_at: datetime


class Case(CaseRecord, Document):
    """A document of the collection `cases`; `_id` is `CaseKey.case_id`.

    `revision` grows by one with every write; a writer replaces only the revision that it read.
    """

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "cases"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("name", 1), ("_id", 1)], name="name"),
            Index([("machine", 1), ("user", 1), ("name", 1)], name="identity", unique=True),
            Index([("user", 1), ("name", 1)], name="user"),
            Index([("caseGroup", 1), ("name", 1)], name="caseGroup"),
            Index([("lastLidTime", -1), ("_id", 1)], name="lastLidTime"),
            Index([("executions.executionId", 1)], name="executionId"),
            Index([("executions.changed", 1)], name="changed"),
        ]
