"""Deltas: the differences between the configurations of two executions, and applying them.

A delta maps delta keys to entries. A variable that one side lacks is distinct from one that is
null: its entry has the key `absent`.

    changed                {"canonical": a, "current": b}
    new in current         {"canonical": null, "current": b, "absent": "canonical"}
    missing in current     {"canonical": a, "current": null, "absent": "current"}
    changed list           {"canonical": [a, b], "current": [a, c], "added": [c], "removed": [b]}

The values of `apply_delta(a, diff(a, b))` have the same meanings as those of b.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import compress
from operator import is_not
from typing import Any

from models.configuration.keys import nest
from models.configuration.metadata import VARIABLE_FIELDS
from models.configuration.values import Configuration, Values, file_of

Entry = dict[str, Any]
Delta = dict[str, Entry]

_MISSING = object()
_NOTHING: Values = {}


def is_same_value(left: Any, right: Any) -> bool:
    """Return whether two values mean the same, whatever type CIME declared for the variable.

    An integer and a real mean the same when they are exactly equal.
    """
    if type(left) is type(right):
        if not isinstance(left, list):
            return bool(left == right)
        if repr(left) == repr(right):
            return True
    return bool(meaning_of(left) == meaning_of(right))


def meaning_of(value: Any) -> Any:
    """Return the meaning of a value as text or a list of texts; None for null."""
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is int:
        return str(value)
    if kind is bool:
        return "TRUE" if value else "FALSE"
    if kind is list:
        return [meaning_of(item) for item in value]
    if kind is float and value.is_integer():
        return str(int(value))
    return str(value)


def diff(
    canonical: Mapping[str, Any], current: Mapping[str, Any], unread: Collection[str] = ()
) -> Delta:
    """Return the differences of `current` from `canonical`, by delta key in sorted order.

    A variable that a metadata field represents is not repeated beside that field. The `unread`
    files of `current` are left out, because their contents are unknown.
    """
    old, new = Configuration.of(canonical).files, Configuration.of(current).files
    delta: Delta = {}
    for name in old.keys() | new.keys():
        before, after = old.get(name, _NOTHING), new.get(name, _NOTHING)
        if before is not after and name not in unread:
            delta.update(_file_entries(before, after))
    return dict(sorted(delta.items()))


def _file_entries(before: Values, after: Values) -> Iterator[tuple[str, Entry]]:
    has_same_keys = list(before) == list(after)
    # With the same keys in the same order, values that are the same object are skipped in C.
    candidates = (
        compress(after, map(is_not, before.values(), after.values())) if has_same_keys else after
    )
    for key in candidates:
        old, new = before.get(key, _MISSING), after[key]
        if old is new or is_same_value(old, new) or _is_represented(key, old, new):
            continue
        if old is _MISSING:
            yield key, {"canonical": None, "current": new, "absent": "canonical"}
        else:
            yield key, {"canonical": old, "current": new} | _list_changes(old, new)
    for key in () if has_same_keys else before.keys() - after.keys():
        yield key, {"canonical": before[key], "current": None, "absent": "current"}


def _list_changes(before: Any, after: Any) -> Entry:
    """Return the `added` and `removed` values of a list; neither when only the order changed."""
    if not isinstance(before, list) and not isinstance(after, list):
        return {}
    old, new = _as_list(before), _as_list(after)
    changes = {"added": _without(new, old), "removed": _without(old, new)}
    return {name: values for name, values in changes.items() if values}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _without(values: list[Any], others: list[Any]) -> list[Any]:
    """Return the values without the others, each of which removes one value of its meaning."""
    to_remove = Counter(meaning_of(other) for other in others)
    remaining = []
    for value in values:
        if to_remove[meaning_of(value)]:
            to_remove[meaning_of(value)] -= 1
        else:
            remaining.append(value)
    return remaining


def apply_delta(canonical: Mapping[str, Any], delta: Mapping[str, Entry]) -> Configuration:
    """Return the configuration that differs from `canonical` by `delta`.

    A variable whose metadata field changes gets the value of that field: see `diff`.
    """
    base = Configuration.of(canonical)
    parts: dict[str, Values] = {}

    def part_of(key: str) -> Values:
        name = file_of(key)
        if name not in parts:
            parts[name] = dict(base.files.get(name, _NOTHING))
        return parts[name]

    for key, entry in delta.items():
        if entry.get("absent") == "current":
            part_of(key).pop(key, None)
        else:
            part_of(key)[key] = entry["current"]
    for variable, field in VARIABLE_FIELDS.items():
        if field in delta and variable not in delta and _is_set(base.get(variable)):
            part_of(variable)[variable] = part_of(field).get(field)
    return base.with_files(parts.items())


def _is_represented(key: str, before: Any, after: Any) -> bool:
    """Return whether the entry of a metadata field represents the change of a variable."""
    return key in VARIABLE_FIELDS and _is_set(before) and _is_set(after)


def _is_set(value: Any) -> bool:
    return value is not None and value is not _MISSING and value != ""


def nest_delta(delta: Delta) -> dict[str, Any]:
    """Return a delta in the form that is stored: the entries at the paths of their keys."""
    return nest(delta)


def flatten_delta(stored: Mapping[str, Any]) -> Delta:
    """Return a delta by key from the form that is stored: the inverse of `nest_delta`."""
    return dict(sorted(_entries(stored, "")))


def _entries(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Entry]]:
    for name, value in node.items():
        if not isinstance(value, dict):  # much faster than a check for a Mapping
            continue
        entry = {field: part for field, part in value.items() if not isinstance(part, dict)}
        if "canonical" in entry:
            yield f"{prefix}{name}", entry
        yield from _entries(value, f"{prefix}{name}.")
