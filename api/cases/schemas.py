"""The response documents for cases and executions.

Fields that are stored in MongoDB have the same names here. Maps that are nested in MongoDB, along
the dots of delta keys, are flat here.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.http.schemas import Answer
from models.cases.annotations import CaseAnnotations, ExecutionAnnotations
from models.cases.case import Attempt, CaseChange, FailedBuild, Lineage
from models.cases.edit import EditRecord
from models.cases.execution import Launch, OtherFile, Paths, Software, SoftwareLink, Timing
from models.cases.listed_execution import LinkedSpec
from models.cases.scheduler import Status
from models.cases.simulated_date import SimulatedDate
from models.problem import Problem


class DeltaEntry(Answer):
    """How one value differs from that of the canonical execution, or of another baseline.

    `canonical` is the value of the execution that `baselineExecutionId` names.

    `absent` names the side on which the variable does not exist at all, which differs from null.
    `added` and `removed` are the values that a list has gained and lost. `alsoIn` lists other keys
    under which the same change appears. Fields without content are left out.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    canonical: Any
    current: Any
    class_: Literal[
        "science", "output", "pe_layout", "build", "io", "source", "coupling",
        "lifecycle", "segment", "scheduler", "archiving", "unrecorded",
    ] = Field(alias="class")  # fmt: skip
    absent: Literal["canonical", "current"] | None = None
    added: list[Any] | None = None
    removed: list[Any] | None = None
    also_in: list[str] | None = None


Deltas = dict[str, DeltaEntry]


class ExecutionSummary(Answer):
    """The summary of an execution in its case.

    `changedSincePrevious` is null where an earlier version of Caseledger recorded the execution,
    until `caseledger verify --repair` computes it.
    """

    execution_id: str
    job_id: str | None
    lid_time: str
    status: Status
    complete: bool
    is_canonical: bool
    change_count: int | None
    changed: list[str]
    changed_since_previous: list[str] | None
    previous_execution_id: str | None
    case_hash: str | None
    run_start_local: str | None
    run_end_local: str | None
    simulation_start: SimulatedDate | None
    simulation_end: SimulatedDate | None
    simulation_end_reached: bool | None


class ExecutionItem(ExecutionSummary):
    """An execution in a list over all cases; `runConfigDeltas` is null when nothing differs.

    The 13 metadata fields, `compset` to `simulationType`, belong to this execution and not to its
    case; they are null when its configuration is unknown.
    """

    case_id: str
    case_name: str
    case_group: str | None
    machine: str
    system: str
    user: str
    status_source: str | None
    scheduler_state: str | None
    failed_phase: str | None
    failure_reason: str | None
    failure_log: str | None
    attempts: int | None
    missing: list[str] | None
    problems: list[Problem] | None
    run_end_source: str | None
    run_config_deltas: Deltas | None
    timing: Timing | None
    software: list[Software]
    compset: str | None
    compset_alias: str | None
    grid_name: str | None
    grid_resolution: str | None
    initialization_type: str | None
    compiler: str | None
    git_tag: str | None
    git_commit_hash: str | None
    git_branch: str | None
    git_repository_url: str | None
    campaign: str | None
    experiment_type: str | None
    simulation_type: str | None
    ingestion_id: str


class ExecutionOfCase(ExecutionItem):
    """An execution in the list of its case.

    `changed`, `changeCount` and `runConfigDeltas` are relative to the execution that
    `baselineExecutionId` names. It is null when there is no such baseline.
    """

    baseline_execution_id: str | None


class ExecutionDetail(ExecutionOfCase):
    """An execution in full.

    `specs` are the specs that `software` and the statements in `softwareLinks` refer to; where a
    hash prefix matches several, all of them. `configuration` is included for the canonical
    execution; for another one it is null, unless `config=full` requests to rebuild it.
    """

    simulation_dates_source: str | None
    git_describe: str | None
    paths: Paths
    launch: Launch | None
    other_files: list[OtherFile]
    has_configuration: bool
    unread_files: list[str]
    expected_variation: Deltas | None
    provisional_deltas: dict[str, Any] | None
    configuration: dict[str, Any] | None
    annotations: ExecutionAnnotations
    source_path: str
    software_links: list[SoftwareLink]
    specs: list[LinkedSpec]


class CaseItem(Answer):
    """A case in a list."""

    id: str
    name: str
    machine: str
    system: str
    user: str
    case_group: str | None
    canonical_execution_id: str | None
    compset: str | None
    compset_alias: str | None
    grid_name: str | None
    grid_resolution: str | None
    initialization_type: str | None
    compiler: str | None
    mpilib: str | None
    calendar: str | None
    git_tag: str | None
    git_commit_hash: str | None
    git_branch: str | None
    git_repository_url: str | None
    campaign: str | None
    experiment_type: str | None
    simulation_type: str
    execution_count: int
    status_counts: dict[str, int]
    first_lid_time: str | None
    last_lid_time: str | None
    revision: int
    created_at: datetime
    updated_at: datetime


class HistoryItem(Answer):
    """A change of a case other than a new execution."""

    at: datetime
    event: str
    previous: str | None
    current: str | None
    ingestion_id: str | None


class CaseDetail(CaseItem):
    """A case with the full configuration of the execution that `configurationOf` names."""

    executions: list[ExecutionSummary]
    case_groups: list[str]
    lineages: list[Lineage]
    canonical_is_pinned: bool
    configuration_of: str | None
    configuration: dict[str, Any] | None
    attempts: list[Attempt]
    changes: list[CaseChange]
    failed_builds: list[FailedBuild]
    commands: list[str]
    commands_of: str | None
    annotations: CaseAnnotations
    history: list[HistoryItem]


class EditItem(EditRecord):
    """An edit of a case or of one of its executions."""

    model_config = Answer.model_config
    id: str


class MachineItem(Answer):
    """A machine and its numbers of cases and executions.

    `aliases` are the other machine names of its system.
    """

    machine: str
    system: str
    site: str | None
    aliases: list[str]
    is_known: bool
    case_count: int
    execution_count: int


class Run(Answer):
    """A value shared by consecutive executions: the first and the last of them, and their number.

    `absent` means that they do not have the variable at all.
    """

    value: Any
    absent: bool
    first: str
    last: str
    count: int


class KeyTimeline(Answer):
    """How the value of one key changed over the executions of a case."""

    key: str
    class_: str = Field(alias="class")
    canonical: Any
    runs: list[Run]


class Timeline(Answer):
    """The changes over the executions of a case, in order, where their configuration is known.

    `changes` has the keys whose value differs from the `baseline` in any execution; `canonical` in
    it is the value in the canonical execution. `xmlchanges` and `failedBuilds` are what CaseStatus
    tells of the case, with their ISO local times.
    """

    case_id: str
    case_name: str
    canonical_execution_id: str | None
    baseline: str
    executions: list[ExecutionSummary]
    changes: list[KeyTimeline]
    xmlchanges: list[CaseChange]
    failed_builds: list[FailedBuild]


class Compared(Answer):
    """One of the compared executions."""

    case_id: str
    case_name: str
    machine: str
    user: str
    execution_id: str
    lid_time: str
    status: Status
    is_canonical: bool


class Difference(Answer):
    """A value that differs between executions; `absent` marks those that do not have it at all."""

    key: str
    values: list[Any]
    absent: list[bool]


class DifferenceGroup(Answer):
    """The differences in one file that belong to one class."""

    file: str
    class_: str = Field(alias="class")
    is_expected: bool
    differences: list[Difference]


class PackageVersion(Answer):
    """A version of a package; `hash` is that of its spec, or its known prefix."""

    version: str | None
    hash: str


class PackageDifference(Answer):
    """A package that differs between the executions; `change` is relative to the first of them."""

    name: str
    change: Literal["added", "removed", "changed"]
    values: list[list[PackageVersion]]


class SoftwareComparison(Answer):
    """The packages that the executions ran on, including everything that these need to run.

    No spec is recorded for the `unresolved` ones, so their dependencies are unknown.
    """

    packages: list[PackageDifference]
    equal: int
    unresolved: list[str]


class Comparison(Answer):
    """A comparison of executions: differing values, and the number of values equal in all of them.

    `notRecorded` lists files that some executions do not have; their values are not compared.
    """

    executions: list[Compared]
    groups: list[DifferenceGroup]
    different: int
    equal: int
    not_recorded: list[str]
    software: SoftwareComparison
