"""From stored documents to the answers of the API. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from models.delta import Delta, flatten_delta
from models.execution import Execution
from models.keys import flatten
from models.metadata import METADATA_FIELDS, metadata_values
from models.rebuild import execution_configuration

Document = Mapping[str, Any]

_SUMMARY_FIELDS = (
    "executionId", "jobId", "lidTime", "status", "complete", "changeCount", "changed", "caseHash",
    "runStartLocal", "runEndLocal", "simulationStart", "simulationEnd",
)  # fmt: skip
_DETAIL_FIELDS = (
    "statusSource", "schedulerState", "missing", "problems", "simulationDatesSource",
    "gitDescribe", "timing", "paths", "software", "hasConfiguration", "sourcePath", "ingestionId",
)  # fmt: skip
_CASE_FIELDS = (
    "name", "machine", "system", "user", "caseGroup", "canonicalExecutionId", "compset",
    "compsetAlias", "gridName", "gridResolution", "initializationType", "compiler", "mpilib",
    "calendar", "gitTag", "gitCommitHash", "gitBranch", "gitRepositoryUrl", "campaign",
    "experimentType", "simulationType", "executionCount", "statusCounts", "firstLidTime",
    "lastLidTime", "revision", "createdAt", "updatedAt",
)  # fmt: skip
_CASE_DETAIL_FIELDS = ("canonicalIsPinned", "configurationOf", "history")
_METADATA_CAMEL = {field: to_camel(field) for field in METADATA_FIELDS}

CASE_ITEM_PROJECTION: dict[str, int] = dict.fromkeys(_CASE_FIELDS, 1) | {
    f"executions.{name}": 1 for name in _SUMMARY_FIELDS
}
"""What a list of cases needs of a case."""

EXECUTION_ITEM_PROJECTION: dict[str, int] = {
    **dict.fromkeys(("name", "caseGroup", "machine", "user", "canonicalExecutionId"), 1),
    **{f"executions.{name}": 1 for name in _SUMMARY_FIELDS},
    "executions.orderKey": 1,
    "executions.runConfigDeltas": 1,
}
"""What a list of executions needs of a case."""


def case_item(case: Document) -> dict[str, Any]:
    """Return a case as a list shows it."""
    canonical = case["canonicalExecutionId"]
    return {
        "id": case["_id"],
        **{name: case[name] for name in _CASE_FIELDS},
        "executions": [execution_summary(item, canonical) for item in case["executions"]],
    }


def case_detail(case: Document) -> dict[str, Any]:
    """Return a case with its configuration by delta key."""
    return {
        **case_item(case),
        **{name: case[name] for name in _CASE_DETAIL_FIELDS},
        "configuration": _flat_configuration(case),
    }


def execution_summary(execution: Document, canonical: str | None) -> dict[str, Any]:
    """Return an execution as its case lists it."""
    return {
        **{name: execution[name] for name in _SUMMARY_FIELDS},
        "isCanonical": execution["executionId"] == canonical,
    }


def execution_item(case: Document, execution: Document) -> dict[str, Any]:
    """Return an execution as a list over all cases shows it."""
    return {
        **execution_summary(execution, case["canonicalExecutionId"]),
        "caseId": case["_id"],
        "caseName": case["name"],
        "caseGroup": case["caseGroup"],
        "machine": case["machine"],
        "user": case["user"],
        "runConfigDeltas": _flat_delta(execution["runConfigDeltas"]),
    }


def execution_detail(case: Document, execution: Document, *, full: bool) -> dict[str, Any]:
    """Return an execution with all that is known; `full` asks for its rebuilt configuration."""
    item = execution_item(case, execution)
    configuration = execution_configuration(
        Execution.model_validate(execution), case["configurationOf"], _flat_configuration(case)
    )
    metadata = metadata_values(configuration or {})
    return {
        **item,
        **{name: execution[name] for name in _DETAIL_FIELDS},
        **{camel: metadata[field] for field, camel in _METADATA_CAMEL.items()},
        "expectedVariation": _flat_delta(execution["expectedVariation"]),
        "provisionalDeltas": _flat_delta(execution["provisionalDeltas"]),
        "configuration": configuration.flat()
        if configuration is not None and (full or item["isCanonical"])
        else None,
    }


def _flat_configuration(case: Document) -> dict[str, Any] | None:
    return None if case["configuration"] is None else flatten(case["configuration"])


def _flat_delta(stored: Document | None) -> Delta | None:
    return None if stored is None else flatten_delta(stored)
