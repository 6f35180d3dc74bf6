"""What changed over the executions of a case, key by key. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.cases.views import execution_summary
from models.configuration.delta import Delta, flatten_delta, same_value

Document = Mapping[str, Any]


def timeline(case: Document, listed: Sequence[Document]) -> dict[str, Any]:
    """Return the timeline of a case, given its executions in order.

    Executions whose configuration is not known stand in the list, and in no run of a value.
    """
    known = [item for item in listed if item["recorded"]["hasConfiguration"]]
    deltas = [flatten_delta(item["runConfigDeltas"] or {}) for item in known]
    entries = {key: entry for delta in deltas for key, entry in delta.items()}
    ids = [str(item["executionId"]) for item in known]
    return {
        "caseId": case["_id"],
        "caseName": case["name"],
        "canonicalExecutionId": case["canonicalExecutionId"],
        "executions": [execution_summary(item) for item in listed],
        "changes": [
            {
                "key": key,
                "class": entry["class"],
                "canonical": entry["canonical"],
                "runs": _runs(key, entry, ids, deltas),
            }
            for key, entry in sorted(entries.items())
        ],
    }


def _runs(
    key: str, known: Mapping[str, Any], ids: Sequence[str], deltas: Sequence[Delta]
) -> list[dict[str, Any]]:
    """Return the values that executions have one after the other; `known` is any entry."""
    runs: list[dict[str, Any]] = []
    inherited = known["canonical"], known.get("absent") == "canonical"
    for execution_id, delta in zip(ids, deltas, strict=True):
        entry = delta.get(key)
        value, absent = inherited
        if entry is not None:
            value, absent = entry["current"], entry.get("absent") == "current"
        if runs and runs[-1]["absent"] == absent and same_value(runs[-1]["value"], value):
            runs[-1]["last"] = execution_id
            runs[-1]["count"] += 1
        else:
            both_ends = {"first": execution_id, "last": execution_id}
            runs.append({"value": value, "absent": absent, **both_ends, "count": 1})
    return runs
