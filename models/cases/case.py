"""Case: one simulation experiment, the aggregate root, one document."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from beanie import Document
from pydantic import Field, computed_field

from models.base import Stored
from models.cases.annotations import CaseAnnotations
from models.cases.case_fields import CASES
from models.cases.execution import Execution
from models.database.types import Index
from models.fields import configuration_indexes, words_of


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


class Lineage(Stored):
    """The executions of one creation of the case, which CASE_HASH tells apart.

    A case that is created again under the same name gets another hash, and so another lineage.
    The executions are the first and the last by time.
    """

    case_hash: str
    execution_count: int
    first_execution_id: str
    last_execution_id: str


class CaseRecord(Stored):
    """What a case document holds, whether or not a database is at hand.

    `configuration` is the full configuration of the execution that `configuration_of` names: the
    canonical one, or, while there is none, the earliest whose configuration could be read. Its
    keys are delta keys, nested along their dots: `configuration.env_run.STOP_N`. The metadata
    fields stand in it under their own snake_case names, and beside it, for searching, in
    camelCase. `executions` are in the order of submission; a case of very many continues in the
    collection `caseOverflows`. `case_groups` are all groups that its executions tell of, and
    `commands` those of the latest replay.sh, that of the execution `commands_of`.
    """

    name: str
    machine: str
    system: str
    user: str
    case_group: str | None = None
    case_groups: list[str] = Field(default_factory=list)
    lineages: list[Lineage] = Field(default_factory=list)
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
    commands: list[str] = Field(default_factory=list)
    commands_of: str | None = None
    execution_count: int = 0
    status_counts: dict[str, int] = Field(default_factory=dict)
    first_lid_time: str | None = None
    last_lid_time: str | None = None
    annotations: CaseAnnotations = Field(default_factory=CaseAnnotations)
    history: list[HistoryEntry] = Field(default_factory=list)
    revision: int = 0
    created_at: datetime
    updated_at: datetime

    def find_execution(self, execution_id: str) -> Execution | None:
        """Return the execution of this id, or None."""
        return next((e for e in self.executions if e.execution_id == execution_id), None)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def search_words(self) -> list[str]:
        """The words of what identifies the case, which searches find it by."""
        return words_of(self.name, self.machine, self.user)


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
            *CASES.indexes(),
            *configuration_indexes("configuration"),
            Index([("machine", 1), ("user", 1), ("name", 1)], name="identity", unique=True),
            Index([("executions.executionId", 1)], name="executionId"),
            Index([("executions.changed", 1)], name="changed"),
        ]
