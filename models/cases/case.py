"""Case: one simulation experiment with its executions, in one document."""

from datetime import datetime
from typing import Any

from pydantic import Field, computed_field

from models.base import Stored
from models.cases.annotations import CaseAnnotations
from models.cases.execution import Execution
from models.fields import words_of


class HistoryEntry(Stored):
    """One change of a case other than a new execution, such as that of the canonical execution."""

    at: datetime
    event: str
    previous: str | None
    current: str | None
    ingestion_id: str | None = None


class Attempt(Stored):
    """One `case.run` that a CaseStatus reports: its ISO local times and its outcome.

    `told_by` is the execution whose CaseStatus reports it. Of a failed one, `failed_phase` is the
    phase of CIME that ended with an error, `failure` the error's text, and `failure_log` the log
    that it names.
    """

    job_id: str | None
    start: str
    end: str | None
    outcome: str
    told_by: str
    failed_phase: str | None = None
    failure: str | None = None
    failure_log: str | None = None


class CaseChange(Stored):
    """A change of the case's variables by xmlchange: its ISO local time, and the command."""

    time: str
    command: str


class FailedBuild(Stored):
    """A build of the case that failed: ISO local time, phase, error, and the log that it names."""

    time: str
    phase: str
    text: str | None = None
    log: str | None = None


class Lineage(Stored):
    """The executions of one creation of the case, which CASE_HASH identifies.

    A case that is created again under the same name gets another hash, and so another lineage: run
    scripts of E3SM give short tests and the production run one name. `first` and `last` are in
    time; `canonical_execution_id` is the first successful execution of the lineage.
    """

    case_hash: str
    execution_count: int
    first_execution_id: str
    last_execution_id: str
    canonical_execution_id: str | None = None


class CaseRecord(Stored):
    """The contents of a case document; it can be used without a database.

    `configuration` is the full configuration of the execution that `configuration_of` names: the
    canonical one, or, while there is none, the earliest whose configuration could be read. Its
    keys are delta keys, nested along their dots: `configuration.env_run.STOP_N`. It contains the
    metadata fields under their snake_case names; for searching, the case has them in camelCase as
    well. `executions` are in the order of submission; those of a very large case continue in the
    collection `caseOverflows`. `case_groups` are the groups of all its executions, and `commands`
    those of the latest replay.sh, which is that of the execution `commands_of`. `changes` and
    `failed_builds` are what the CaseStatus of any execution reports, in order of time.
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
    changes: list[CaseChange] = Field(default_factory=list)
    failed_builds: list[FailedBuild] = Field(default_factory=list)
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
        """The words of its name, machine and user, by which searches find it."""
        return words_of(self.name, self.machine, self.user)
