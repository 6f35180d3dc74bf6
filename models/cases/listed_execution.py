"""ListedExecution: an execution as lists show it and searches find it, one small document each.

The case document is the truth. This is derived from it, written in the same transaction, so that
a list over all executions costs the same at any size; `caseledger verify --repair` makes it anew.
"""

from typing import Annotated, Any, ClassVar

from beanie import Document
from pydantic import Field

from models.base import Stored
from models.cases.case import CaseRecord
from models.cases.configurations import whole_delta
from models.cases.execution import Execution, Software, SoftwareLink, Status, Timing
from models.cases.execution_fields import EXECUTIONS
from models.cases.simulated_date import SimulatedDate
from models.configuration.delta import Delta
from models.configuration.keys import nest
from models.configuration.metadata import METADATA_FIELDS, VARIABLE_FIELDS
from models.database.types import Index
from models.fields import configuration_indexes, words_of


class Recorded(Stored):
    """What an import has to know of a recorded execution, to tell whether it is worth reading."""

    complete: bool
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

    `role` is `loaded`, or what was stated of it. It is one of `candidates` specs that the name of
    the module or prefix may mean.
    """

    id: str
    hash: str
    name: str | None
    version: str | None
    role: str
    candidates: int


class ListedExecutionRecord(Stored):
    """The fields of an execution by which it is found, and those of its case.

    The metadata fields, `compset` to `simulation_type`, are the execution's own: those of the
    canonical execution with its own changes; null when its configuration is not known.

    `overrides` holds its own values where they are not those of the case's `configuration`, nested
    like that, and `unset` the keys that it does not have. With both, a value of the configuration
    of any execution can be searched for. `search_words` are the words of all names.
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
    complete: bool
    is_canonical: bool
    case_hash: str | None
    run_start_local: str | None
    run_end_local: str | None
    simulation_start: SimulatedDate | None
    simulation_end: SimulatedDate | None
    changed: list[str]
    change_count: int | None
    run_config_deltas: dict[str, Any] | None
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


def case_of(own_id: str) -> str:
    """Return the id of the case of an execution, from the `_id` of the execution's document."""
    return own_id.partition("/")[0]


def list_execution(case: CaseRecord, case_id: str, execution: Execution) -> ListedExecutionRecord:
    """Return the execution of a case as lists show it."""
    is_base = execution.execution_id == case.configuration_of
    delta = {} if case.configuration is None or is_base else whole_delta(execution)
    fields: dict[str, Any] = {name: getattr(execution, name) for name in _SHARED}
    fields |= _own_metadata(case, execution, delta)
    fields |= _own_values(case, delta)
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


def _own_metadata(case: CaseRecord, execution: Execution, delta: Delta) -> dict[str, Any]:
    base = case.configuration
    if base is None or not execution.has_configuration:
        return {}
    values = {field: base.get(field) for field in METADATA_FIELDS}
    values |= {field: delta[field]["current"] for field in METADATA_FIELDS.keys() & delta.keys()}
    values["simulation_type"] = case.annotations.simulation_type or values["simulation_type"]
    return {field: None if value is None else str(value) for field, value in values.items()}


def _own_values(case: CaseRecord, delta: Delta) -> dict[str, Any]:
    """Return `overrides` and `unset`; a variable follows the metadata field that stands for it."""
    unset = {key for key, entry in delta.items() if entry.get("absent") == "current"}
    values = {key: entry["current"] for key, entry in delta.items() if key not in unset}
    for variable, field in VARIABLE_FIELDS.items():
        if field in delta and variable not in delta and _is_set(case.configuration, variable):
            values[variable] = values.get(field)
    return {"overrides": nest(values), "unset": sorted(unset)}


def _is_set(configuration: dict[str, Any] | None, key: str) -> bool:
    value: Any = configuration
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value is not None and value != ""


class ListedExecution(ListedExecutionRecord, Document):
    """A document of the collection `executions`; `_id` is case id, slash, LID.

    `specs` are derived from `software` and `softwareLinks`, and from the specs that are recorded:
    see `models.software.links`.
    """

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    specs: list[LinkedSpec] = Field(default_factory=list)

    class Settings:
        """Collection and indexes."""

        name = "executions"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            *EXECUTIONS.indexes(),
            *configuration_indexes("overrides"),
            Index([("caseId", 1), ("orderKey", 1), ("_id", 1)], name="in case"),
            Index([("machine", 1), ("status", 1), ("lidTime", 1)], name="overview"),
            Index([("specs.hash", 1), ("lidTime", 1), ("_id", 1)], name="specs"),
            Index([("softwareLinks.specHash", 1)], name="softwareLinks", sparse=True),
        ]
