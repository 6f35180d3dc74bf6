"""The timeline of a case: how values changed over its executions, key by key. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.cases.views import execution_summary
from models.configuration.delta import Delta, flatten_delta, is_same_value

Document = Mapping[str, Any]


def timeline(case: Document, listed: Sequence[Document]) -> dict[str, Any]:
    """Return the timeline of a case, given its executions in order.

    Executions with an unknown configuration are listed, but belong to no run of a value:

        executions   1  2  3  4  5        (the configuration of 3 is unknown)
        STOP_N       5  5  ?  5  1        runs: 5 from 1 to 4, count 3; 1 from 5 to 5, count 1
    """
    configured = [item for item in listed if item["recorded"]["hasConfiguration"]]
    deltas = [flatten_delta(item["runConfigDeltas"] or {}) for item in configured]
    entries = {key: entry for delta in deltas for key, entry in delta.items()}
    ids = [str(item["executionId"]) for item in configured]
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
    key: str, any_entry: Mapping[str, Any], ids: Sequence[str], deltas: Sequence[Delta]
) -> list[dict[str, Any]]:
    """Return the runs of equal values of a key over consecutive executions.

    `any_entry` is the entry of any delta with this key: all name the same canonical value, which is
    also the value of the executions whose delta does not have the key.
    """
    runs: list[dict[str, Any]] = []
    inherited = any_entry["canonical"], any_entry.get("absent") == "canonical"
    for execution_id, delta in zip(ids, deltas, strict=True):
        entry = delta.get(key)
        value, absent = inherited
        if entry is not None:
            value, absent = entry["current"], entry.get("absent") == "current"
        if runs and runs[-1]["absent"] == absent and is_same_value(runs[-1]["value"], value):
            runs[-1]["last"] = execution_id
            runs[-1]["count"] += 1
        else:
            ends = {"first": execution_id, "last": execution_id}
            runs.append({"value": value, "absent": absent, **ends, "count": 1})
    return runs
