"""The comparison of configurations: the values that differ, by file and class. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.configuration.delta import is_same_value
from models.configuration.metadata import METADATA_FIELDS, VARIABLE_FIELDS
from models.configuration.values import Configuration, file_of
from models.configuration.variation import VariationTable

_MISSING = object()
_METADATA = "metadata"


def compare(configurations: Sequence[Configuration], table: VariationTable) -> dict[str, Any]:
    """Return the values that differ between configurations, classified by the table.

    Files that one of the configurations does not have are not compared, because their values are
    unknown. A variable that a metadata field represents is not repeated beside that field.
    """
    unrecorded = _unrecorded_files(configurations)
    all_keys = {key for configuration in configurations for key in configuration}
    keys = sorted(key for key in all_keys if file_of(key) not in unrecorded)
    groups: dict[tuple[bool, str, str], list[dict[str, Any]]] = {}
    equal = 0
    for key in keys:
        values = [configuration.get(key, _MISSING) for configuration in configurations]
        if _all_same(values) or _is_represented(key, values):
            equal += _all_same(values)
            continue
        class_name, is_expected = table.classify(key)
        group = (is_expected, _METADATA if key in METADATA_FIELDS else file_of(key), class_name)
        groups.setdefault(group, []).append(_difference(key, values))
    return {
        "groups": [
            {"file": file, "class": name, "isExpected": expected, "differences": differences}
            for (expected, file, name), differences in sorted(groups.items())
        ],
        "different": sum(map(len, groups.values())),
        "equal": equal,
        "notRecorded": sorted(unrecorded),
    }


def _unrecorded_files(configurations: Sequence[Configuration]) -> set[str]:
    """Return the files that some of the configurations have, but not all."""
    files = [{*configuration.files} - METADATA_FIELDS.keys() for configuration in configurations]
    return set().union(*files) - set(files[0]).intersection(*files)


def _all_same(values: Sequence[Any]) -> bool:
    first, *others = values
    if first is _MISSING:
        return all(other is _MISSING for other in others)
    return all(other is not _MISSING and is_same_value(first, other) for other in others)


def _is_represented(key: str, values: Sequence[Any]) -> bool:
    """Return whether a metadata field represents this variable in all of the configurations."""
    return key in VARIABLE_FIELDS and all(value not in (_MISSING, None, "") for value in values)


def _difference(key: str, values: Sequence[Any]) -> dict[str, Any]:
    absent = [value is _MISSING for value in values]
    return {
        "key": key,
        "values": [None if value is _MISSING else value for value in values],
        "absent": absent,
    }


def compared_execution(case: Mapping[str, Any], execution: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that identify an execution in a comparison."""
    return {
        "caseId": case["_id"],
        "caseName": case["name"],
        "machine": case["machine"],
        "user": case["user"],
        **{name: execution[name] for name in ("executionId", "lidTime", "status")},
        "isCanonical": execution["executionId"] == case["canonicalExecutionId"],
    }
