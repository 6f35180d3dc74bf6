"""ListedExecution: the small document by which lists show an execution and searches find it.

The case document is authoritative. This one is derived from it and written in the same transaction,
so that a list of executions costs the same at any number of them. `caseledger verify --repair`
recomputes it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import Field

from models.base import Stored
from models.cases.case import CaseRecord
from models.cases.configurations import whole_delta
from models.cases.execution import Execution, Software, SoftwareLink, Timing
from models.cases.scheduler import Status
from models.cases.simulated_date import SimulatedDate
from models.configuration.delta import Delta
from models.configuration.keys import flatten, nest
from models.configuration.metadata import METADATA_FIELDS, VARIABLE_FIELDS
from models.configuration.values import Configuration, Values, file_of
from models.fields import words_of
from models.problem import Problem


class Recorded(Stored):
    """What an import needs to know of a recorded execution to decide whether to read its files."""

    complete: bool
    reader: int
    fingerprint: str
    source_path: str
    found_at: list[str]
    scheduler_state: str | None
    has_configuration: bool
    unread_files: list[str]
    file_count: int
    files_modified: int


class LinkedSpec(Stored):
    """A spec that the execution ran on; `id` is that of its document.

    `role` is `loaded`, or the role that was stated. `candidates` is the number of specs that the
    name of the module or prefix, or the stated hash, may mean.
    """

    id: str
    hash: str
    name: str | None
    version: str | None
    role: str
    candidates: int


class ListedExecutionRecord(Stored):
    """The fields by which an execution is found: its own, and those of its case.

    The metadata fields, `compset` to `simulation_type`, are the execution's own: those of the
    case's `configuration` with the execution's changes, or null when its configuration is unknown.

    `overrides` has the values that differ from the case's `configuration`, nested in the same way,
    and `unset` the keys that the execution lacks:

        case.configuration   {"env_run": {"STOP_N": 5, "ATM_NCPL": 48}}
        overrides            {"env_run": {"STOP_N": 9}}
        unset                ["env_run.ATM_NCPL"]

    With both, the values of every execution's configuration can be searched. `search_words` are the
    words of all names.
    """

    case_id: str
    case_name: str
    case_group: str | None
    machine: str
    system: str
    user: str
    execution_id: str
    job_id: str | None
    order_key: str
    lid_time: str
    status: Status
    status_source: str | None
    scheduler_state: str | None
    failed_phase: str | None
    failure_reason: str | None
    failure_log: str | None
    attempts: int
    complete: bool
    missing: list[str]
    problems: list[Problem]
    is_canonical: bool
    case_hash: str | None
    run_start_local: str | None
    run_end_local: str | None
    run_end_source: str | None
    simulation_start: SimulatedDate | None
    simulation_end: SimulatedDate | None
    simulation_end_reached: bool | None
    changed: list[str]
    change_count: int | None
    run_config_deltas: dict[str, Any] | None
    previous_execution_id: str | None
    changed_since_previous: list[str]
    timing: Timing | None
    software: list[Software]
    software_links: list[SoftwareLink]
    compset: str | None = None
    compset_alias: str | None = None
    grid_name: str | None = None
    grid_resolution: str | None = None
    initialization_type: str | None = None
    compiler: str | None = None
    git_tag: str | None = None
    git_commit_hash: str | None = None
    git_branch: str | None = None
    git_repository_url: str | None = None
    campaign: str | None = None
    experiment_type: str | None = None
    simulation_type: str | None = None
    ingestion_id: str
    overrides: dict[str, Any] = Field(default_factory=dict)
    unset: list[str] = Field(default_factory=list)
    search_words: list[str] = Field(default_factory=list)
    recorded: Recorded


_SHARED = ListedExecutionRecord.model_fields.keys() & Execution.model_fields.keys()


def listed_id(case_id: str, execution_id: str) -> str:
    """Return the `_id` of an execution's document."""
    return f"{case_id}/{execution_id}"


def case_of(document_id: str) -> str:
    """Return the id of an execution's case from the `_id` of the execution's document."""
    return document_id.partition("/")[0]


def execution_id_of(document_id: str) -> str:
    """Return the id of an execution from the `_id` of its document."""
    return document_id.partition("/")[2]


def list_execution(case: CaseRecord, case_id: str, execution: Execution) -> ListedExecutionRecord:
    """Return the listed form of an execution of a case.

    Raise AttributeError, KeyError or TypeError when its deltas are damaged.
    """
    is_base = execution.execution_id == case.configuration_of
    delta = {} if case.configuration is None or is_base else whole_delta(execution)
    fields: dict[str, Any] = {name: getattr(execution, name) for name in _SHARED}
    fields |= _metadata(case, execution, delta)
    fields |= _overrides(case, delta)
    case_group = execution.case_group or case.case_group
    fields |= {
        "case_id": case_id,
        "case_name": case.name,
        "case_group": case_group,
        "machine": case.machine,
        "system": case.system,
        "user": case.user,
        "is_canonical": execution.execution_id == case.canonical_execution_id,
        "search_words": words_of(
            case.name, case_group, case.machine, case.user, execution.execution_id
        ),
        "recorded": Recorded.model_construct(
            **{name: getattr(execution, name) for name in Recorded.model_fields}
        ),
    }
    return ListedExecutionRecord.model_construct(**fields)


def _metadata(case: CaseRecord, execution: Execution, delta: Delta) -> dict[str, Any]:
    base = case.configuration
    if base is None or not execution.has_configuration:
        return {}
    values = {field: base.get(field) for field in METADATA_FIELDS}
    values |= {field: delta[field]["current"] for field in METADATA_FIELDS.keys() & delta.keys()}
    values["simulation_type"] = case.annotations.simulation_type or values["simulation_type"]
    return {field: None if value is None else str(value) for field, value in values.items()}


def _overrides(case: CaseRecord, delta: Delta) -> dict[str, Any]:
    """Return `overrides` and `unset`.

    A variable whose metadata field differs gets the value of that field, because the delta does not
    repeat the variable.
    """
    unset = {key for key, entry in delta.items() if entry.get("absent") == "current"}
    values = {key: entry["current"] for key, entry in delta.items() if key not in unset}
    for variable, field in VARIABLE_FIELDS.items():
        if field in delta and variable not in delta and _is_set(case.configuration, variable):
            values[variable] = values.get(field)
    return {"overrides": nest(values), "unset": sorted(unset)}


def listed_configuration(
    base: Configuration,
    overrides: Mapping[str, Any],
    unset: Iterable[str],
    unread: Collection[str] = (),
) -> Configuration:
    """Return the configuration that `overrides` and `unset` of a listed execution describe.

    `base` is the configuration of the case. Files that do not differ are shared with it; the
    `unread` ones are left out.
    """
    parts: dict[str, Values] = {}

    def part_of(key: str) -> Values:
        name = file_of(key)
        if name not in parts:
            parts[name] = dict(base.files.get(name, {}))
        return parts[name]

    for key in unset:
        part_of(key).pop(key, None)
    for key, value in flatten(overrides).items():
        part_of(key)[key] = value
    return base.with_files(parts.items()).without_files(unread)


def _is_set(configuration: dict[str, Any] | None, key: str) -> bool:
    value: Any = configuration
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value is not None and value != ""
