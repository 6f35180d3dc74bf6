"""Responses about cases and executions, from stored documents. Pure."""

from collections.abc import Sequence
from typing import Any

from pydantic.alias_generators import to_camel

from api.cases.baselines import Compared
from api.lists.projection import Document, Roots, shown_fields
from models.cases.case_fields import CASES
from models.cases.configurations import execution_configuration
from models.cases.execution import Execution
from models.configuration.delta import Delta, flatten_delta
from models.configuration.keys import flatten
from models.configuration.metadata import METADATA_FIELDS, metadata_values
from models.configuration.values import Configuration

_SUMMARY_FIELDS = (
    "executionId", "jobId", "lidTime", "status", "complete", "isCanonical", "changeCount",
    "changed", "changedSincePrevious", "previousExecutionId", "caseHash", "runStartLocal",
    "runEndLocal", "simulationStart", "simulationEnd", "simulationEndReached",
)  # fmt: skip
_DETAIL_FIELDS = (
    "schedulerState", "missing", "problems", "failedPhase", "failureReason", "failureLog",
    "attempts", "runEndSource", "simulationEndReached", "simulationDatesSource", "gitDescribe",
    "paths", "launch", "otherFiles", "hasConfiguration", "unreadFiles", "annotations", "sourcePath",
)  # fmt: skip
_SHARED_FIELDS = (
    "executionId", "jobId", "lidTime", "status", "statusSource", "complete", "changeCount",
    "changed", "changedSincePrevious", "previousExecutionId", "caseHash", "runStartLocal",
    "runEndLocal", "simulationStart", "simulationEnd", "timing", "software", "ingestionId",
)  # fmt: skip
_CASE_DETAIL_FIELDS = (
    "caseGroups", "lineages", "canonicalIsPinned", "configurationOf", "attempts", "changes",
    "failedBuilds", "commands", "commandsOf", "annotations", "history",
)  # fmt: skip
_EVENTS: dict[str, Any] = {"changes": [], "failedBuilds": []}
_CASE_ROOTS = dict.fromkeys(field.root for field in CASES.fields)
_METADATA_CAMEL = {field: to_camel(field) for field in METADATA_FIELDS}

SUMMARY_PROJECTION: dict[str, int] = dict.fromkeys((*_SUMMARY_FIELDS, "caseId"), 1)
"""The projection of a document of `executions` for the summary of an execution."""

CASE_OF_EXECUTION_PROJECTION: dict[str, int] = dict.fromkeys(
    ("name", "caseGroup", "machine", "system", "user", "canonicalExecutionId", "configurationOf",
     "configuration", "lineages", "revision"), 1,
)  # fmt: skip
"""The projection of a case for the detail of one of its executions."""


def case_item(
    case: Document, summaries: Sequence[Document], roots: Roots = _CASE_ROOTS
) -> dict[str, Any]:
    """Return the fields `roots` of a case in a list."""
    item = shown_fields(case, roots)
    if "executions" in item:
        item["executions"] = [execution_summary(summary) for summary in summaries]
    return item


def case_detail(case: Document, summaries: Sequence[Document]) -> dict[str, Any]:
    """Return a case in full, with its configuration by delta key."""
    return {
        **case_item(case, summaries),
        **_EVENTS,
        **{name: case[name] for name in _CASE_DETAIL_FIELDS if name in case},
        "configuration": flat_configuration(case),
    }


def execution_summary(listed: Document) -> dict[str, Any]:
    """Return the summary of an execution in its case."""
    return {name: listed.get(name) for name in _SUMMARY_FIELDS}


def execution_item(listed: Document, roots: Roots) -> dict[str, Any]:
    """Return the fields `roots` of an execution in a list."""
    item = shown_fields(listed, roots)
    if item.get("runConfigDeltas") is not None:
        item["runConfigDeltas"] = _flat_delta(item["runConfigDeltas"])
    return item


def execution_detail(
    case: Document, execution: Document, *, full: bool, compared: Compared | None = None
) -> dict[str, Any]:
    """Return an execution in full; `full` includes its configuration, rebuilt from the delta.

    Its differences are those to the baseline that it was compared with, None for the canonical one.
    """
    is_canonical = execution["executionId"] == case["canonicalExecutionId"]
    configuration = configuration_of(case, execution)
    metadata = metadata_values(configuration or {})
    is_shown = configuration is not None and (full or is_canonical)
    return {
        "caseId": case["_id"],
        "caseName": case["name"],
        "caseGroup": execution["caseGroup"] or case["caseGroup"],
        **{name: case[name] for name in ("machine", "system", "user")},
        **{name: execution.get(name) for name in (*_SHARED_FIELDS, *_DETAIL_FIELDS)},
        "isCanonical": is_canonical,
        **{camel: _text(metadata[field]) for field, camel in _METADATA_CAMEL.items()},
        **_differences(case, execution, compared),
        "provisionalDeltas": _flat_delta(execution["provisionalDeltas"]),
        "configuration": configuration.flat() if configuration and is_shown else None,
        "softwareLinks": execution.get("softwareLinks") or [],
        "specs": execution.get("specs") or [],
    }


def _differences(case: Document, execution: Document, compared: Compared | None) -> dict[str, Any]:
    if compared is not None:
        expected = compared.differences.expected if compared.differences else None
        return {**changes_since(compared), "expectedVariation": expected or None}
    return {
        "baselineExecutionId": case["canonicalExecutionId"],
        "runConfigDeltas": _flat_delta(execution["runConfigDeltas"]),
        "expectedVariation": _flat_delta(execution["expectedVariation"]),
    }


def changes_since(compared: Compared) -> dict[str, Any]:
    """Return the fields of an execution that say what differs from its baseline."""
    found = compared.differences
    return {
        "baselineExecutionId": compared.baseline_id,
        "changed": sorted(found.changed) if found else [],
        "changeCount": len(found.changed) if found else None,
        "runConfigDeltas": found.changed or None if found else None,
    }


def configuration_of(case: Document, execution: Document) -> Configuration | None:
    """Rebuild the configuration of an execution of a case; return None when it is unknown."""
    return execution_configuration(
        Execution.model_validate(execution), case["configurationOf"], flat_configuration(case)
    )


def flat_configuration(case: Document) -> dict[str, Any] | None:
    """Return the configuration in the document of a case, by delta key, or None."""
    return None if case["configuration"] is None else flatten(case["configuration"])


def _flat_delta(stored: Document | None) -> Delta | None:
    return None if stored is None else flatten_delta(stored)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
