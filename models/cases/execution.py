"""Execution: one job submission of a case, embedded in its document."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from models.base import Integer, Real, Stored
from models.cases.annotations import ExecutionAnnotations
from models.cases.scheduler import Status
from models.cases.simulated_date import SimulatedDate
from models.problem import Problem

SoftwareRole = Literal["built_with", "deployed_with", "environment"]


class Timing(Stored):
    """The summary of the timing profile; the fields in seconds are wall time.

    `model_cost` is in pe-hours per simulated year, `model_throughput` in simulated years per day,
    `run_length_days` in simulated days.
    """

    total_pes_active: Integer | None = None
    mpi_tasks_per_node: Integer | None = None
    pe_count_for_cost_estimate: Integer | None = None
    model_cost: Real | None = None
    model_throughput: Real | None = None
    init_seconds: Real | None = None
    run_seconds: Real | None = None
    final_seconds: Real | None = None
    run_length_days: Real | None = None


class Software(Stored):
    """A Spack package that an execution ran on, identified from the name of a module or prefix.

    `hash` is the DAG hash or its first seven characters; `source` is `module`, or the environment
    variable that contains the prefix.
    """

    name: str
    version: str
    hash: str
    source: str


class SoftwareLink(Stored):
    """A spec, by its DAG hash, that people or a workflow attached to an execution."""

    spec_hash: str
    role: SoftwareRole
    note: str | None = None
    stated_by: str | None = None
    stated_at: datetime


class Launch(Stored):
    """The layout, submission and launch of the job case.run, as preview_run.log reports them."""

    nodes: int | None = None
    total_tasks: int | None = None
    tasks_per_node: int | None = None
    thread_count: int | None = None
    gpus_per_node: int | None = None
    submit_command: str | None = None
    mpirun_command: str | None = None


class OtherFile(Stored):
    """A file that is not read: its name without LID and `.gz`, and its size in bytes."""

    name: str
    size: int


class Paths(Stored):
    """The locations of the execution's files on its machine, with CIME's variables expanded."""

    case_root: str | None = None
    run_directory: str | None = None
    archive_root: str | None = None
    postrun_script: str | None = None


class Execution(Stored):
    """One job submission of a case.

    A case has its executions in the order of `order_key`, which is that of the LID's time stamp,
    then numeric job id. `lid_time`, `run_start_local` and `run_end_local` are ISO 8601 local wall
    time of the machine, which does not record its zone.

    `status_source` is the source of the status: `CaseStatus`, `CaseStatus of <execution>` for that
    of another execution, `scheduler`, which reported `scheduler_state`, or `stated`. The source of
    `run_end_local` may also be `e3sm_timing`. `failure_reason` says why it has not completed; when
    CaseStatus has an error of its run, that is the error's text, `failed_phase` the phase of CIME
    that ended with it, and `failure_log` the log that it names. `attempts` is how many runs its job
    made. `simulation_end_reached` is false when the end is only planned.

    The differences to the canonical execution are in three fields:

        run_config_deltas    what was changed
        expected_variation   what is expected to differ between submissions
        repeated_deltas      entries that only repeat one of the above under another key

    Each maps delta keys to `{"canonical", "current"}`, the first two also with `"class"`; in
    MongoDB the map is nested along the dots of the keys. An entry of the first two lists in
    `alsoIn` the other keys under which its change appears. A field is null when it has no entries:
    for the canonical execution, when nothing differs, when the configuration could not be read
    (then `has_configuration` is false), and while the case has no canonical execution. Until then
    `provisional_deltas` holds all differences to the execution that `configurationOf` of the case
    names, so that nothing is lost. Deltas leave out `unread_files`, which exist but are damaged.
    `configuration_digest` is the digest of the configuration that was read, without
    `unread_files`; it shows whether a rebuilt configuration is right.

    `reader` is the READER_VERSION that read its files, 0 before there was one.

    `changed_since_previous` are the delta keys of what was changed since `previous_execution_id`,
    the last execution before this one whose configuration is known.
    """

    execution_id: str
    job_id: str | None
    job_number: int | None
    lid_time: str
    order_key: str
    status: Status
    status_source: str | None
    scheduler_state: str | None = None
    complete: bool
    missing: list[str] = Field(default_factory=list)
    problems: list[Problem] = Field(default_factory=list)
    case_hash: str | None = None
    case_group: str | None = None
    run_start_local: str | None = None
    run_end_local: str | None = None
    run_end_source: str | None = None
    attempts: int = 0
    failed_phase: str | None = None
    failure_reason: str | None = None
    failure_log: str | None = None
    simulation_start: SimulatedDate | None = None
    simulation_end: SimulatedDate | None = None
    simulation_end_reached: bool | None = None
    simulation_dates_source: str | None = None
    git_describe: str | None = None
    timing: Timing | None = None
    paths: Paths = Field(default_factory=Paths)
    software: list[Software] = Field(default_factory=list)
    launch: Launch | None = None
    other_files: list[OtherFile] = Field(default_factory=list)
    has_configuration: bool = False
    configuration_digest: str | None = None
    unread_files: list[str] = Field(default_factory=list)
    run_config_deltas: dict[str, Any] | None = None
    changed: list[str] = Field(default_factory=list)
    change_count: int | None = None
    expected_variation: dict[str, Any] | None = None
    repeated_deltas: dict[str, Any] | None = None
    provisional_deltas: dict[str, Any] | None = None
    previous_execution_id: str | None = None
    changed_since_previous: list[str] = Field(default_factory=list)
    annotations: ExecutionAnnotations = Field(default_factory=ExecutionAnnotations)
    software_links: list[SoftwareLink] = Field(default_factory=list)
    reader: int = 0
    fingerprint: str
    file_count: int = 0
    files_modified: int = 0
    source_path: str
    found_at: list[str] = Field(default_factory=list)
    ingestion_id: str

    @property
    def is_whole(self) -> bool:
        """Whether none of the files to read is missing or damaged."""
        return self.complete and self.has_configuration and not self.unread_files

    @property
    def is_successful(self) -> bool:
        """Whether it may be canonical: every required file exists, and the run completed."""
        return self.complete and self.has_configuration and self.status == "completed"
