"""The timeline of a case: how values changed over its executions, key by key. Pure.

Executions with an unknown configuration are listed, but belong to no run of a value:

    executions   1  2  3  4  5        (the configuration of 3 is unknown)
    STOP_N       5  5  ?  5  1        runs: 5 from 1 to 4, count 3; 1 from 5 to 5, count 1
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from api.cases.baselines import Compared
from api.cases.views import execution_summary
from models.configuration.delta import Delta, Entry, flatten_delta, is_same_value
from models.configuration.keys import flatten

Document = Mapping[str, Any]
ValueIn = tuple[Any, bool]
"""A value in an execution, and whether the execution does not have the variable at all."""


def timeline(case: Document, listed: Sequence[Document]) -> dict[str, Any]:
    """Return the values that differ from the canonical execution, over the executions in order."""
    configured = _configured(listed)
    deltas = {str(item["executionId"]): _changes(item) for item in configured}
    entries = {key: entry for delta in deltas.values() for key, entry in delta.items()}

    def value_in(execution_id: str, key: str) -> ValueIn:
        entry = deltas[execution_id].get(key)
        if entry is None:  # any other delta with this key names the canonical value
            return entries[key]["canonical"], entries[key].get("absent") == "canonical"
        return entry["current"], entry.get("absent") == "current"

    changes = [
        _change(key, entry["class"], entry["canonical"], list(deltas), value_in)
        for key, entry in sorted(entries.items())
    ]
    return _answer(case, listed, "canonical", changes)


def timeline_since(
    case: Document, listed: Sequence[Document], baseline: str, compared: Mapping[str, Compared]
) -> dict[str, Any]:
    """Return the values that differ from the baseline of any execution, over all executions.

    `case` includes its configuration, and `listed` their `overrides` and `unset`.
    """
    configured = {str(item["executionId"]): item for item in _configured(listed)}
    classes = {
        key: str(entry["class"])
        for found in compared.values()
        if found.differences is not None
        for key, entry in found.differences.changed.items()
    }
    base = flatten(case["configuration"] or {})
    overrides = {own_id: flatten(item["overrides"]) for own_id, item in configured.items()}
    unset = {own_id: frozenset(item["unset"]) for own_id, item in configured.items()}

    def value_in(execution_id: str, key: str) -> ValueIn:
        if key in overrides[execution_id]:
            return overrides[execution_id][key], False
        return base.get(key), key not in base or key in unset[execution_id]

    canonical_id = case["canonicalExecutionId"]
    changes = [
        _change(
            key,
            class_name,
            value_in(canonical_id, key)[0] if canonical_id in configured else None,
            list(configured),
            value_in,
        )
        for key, class_name in sorted(classes.items())
    ]
    return _answer(case, listed, baseline, changes)


def _configured(listed: Iterable[Document]) -> list[Document]:
    return [item for item in listed if item["recorded"]["hasConfiguration"]]


def _changes(item: Document) -> Delta:
    return flatten_delta(item["runConfigDeltas"] or {})


def _answer(
    case: Document, listed: Sequence[Document], baseline: str, changes: list[Entry]
) -> dict[str, Any]:
    return {
        "caseId": case["_id"],
        "caseName": case["name"],
        "canonicalExecutionId": case["canonicalExecutionId"],
        "baseline": baseline,
        "executions": [execution_summary(item) for item in listed],
        "changes": changes,
        "xmlchanges": case.get("changes") or [],
        "failedBuilds": case.get("failedBuilds") or [],
    }


def _change(
    key: str,
    class_name: str,
    canonical: Any,
    ids: Sequence[str],
    value_in: Callable[[str, str], ValueIn],
) -> dict[str, Any]:
    return {
        "key": key,
        "class": class_name,
        "canonical": canonical,
        "runs": _runs((execution_id, *value_in(execution_id, key)) for execution_id in ids),
    }


def _runs(values: Iterable[tuple[str, Any, bool]]) -> list[dict[str, Any]]:
    """Return the runs of equal values over consecutive executions."""
    runs: list[dict[str, Any]] = []
    for execution_id, value, absent in values:
        if runs and runs[-1]["absent"] == absent and is_same_value(runs[-1]["value"], value):
            runs[-1]["last"] = execution_id
            runs[-1]["count"] += 1
        else:
            ends = {"first": execution_id, "last": execution_id}
            runs.append({"value": value, "absent": absent, **ends, "count": 1})
    return runs
