"""Deltas: how the configuration of one execution differs from another's, and back.

A delta maps delta keys to entries `{"canonical": a, "current": b}`. A variable that one side does
not have at all is told apart from one that is null: its entry says `"absent": "canonical"` or
`"absent": "current"`.

`apply_delta(a, diff(a, b))` gives back b, value for value in meaning.
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


def same_value(left: Any, right: Any) -> bool:
    """Tell whether two values mean the same, whatever type CIME declared for the variable.

    An integer and a real do when they are exactly equal.
    """
    if type(left) is type(right):
        if not isinstance(left, list):
            return bool(left == right)
        if repr(left) == repr(right):
            return True
    return bool(meaning_of(left) == meaning_of(right))


def meaning_of(value: Any) -> Any:
    """Return what a value means, as text or a list of texts; null stays null."""
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
    """Return how `current` differs from `canonical`, by delta key in sorted order.

    A variable that a metadata field stands for is not repeated beside that field. Nothing is said
    of the `unread` files of `current`: what is in them is not known. The entry of a list says
    which of its values were `added` and `removed`.
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
    others = (
        compress(after, map(is_not, before.values(), after.values())) if has_same_keys else after
    )
    for key in others:
        known, value = before.get(key, _MISSING), after[key]
        if known is value or same_value(known, value) or _is_spoken_for(key, known, value):
            continue
        if known is _MISSING:
            yield key, {"canonical": None, "current": value, "absent": "canonical"}
        else:
            yield key, {"canonical": known, "current": value} | _list_changes(known, value)
    for key in () if has_same_keys else before.keys() - after.keys():
        yield key, {"canonical": before[key], "current": None, "absent": "current"}


def _list_changes(before: Any, after: Any) -> Entry:
    """Return which values of a list came and went; nothing when only their order changed."""
    if not isinstance(before, list) and not isinstance(after, list):
        return {}
    old, new = _as_list(before), _as_list(after)
    changes = {"added": _without(new, old), "removed": _without(old, new)}
    return {name: values for name, values in changes.items() if values}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _without(values: list[Any], others: list[Any]) -> list[Any]:
    left = Counter(meaning_of(other) for other in others)
    remaining = []
    for value in values:
        if left[meaning_of(value)]:
            left[meaning_of(value)] -= 1
        else:
            remaining.append(value)
    return remaining


def apply_delta(canonical: Mapping[str, Any], delta: Mapping[str, Entry]) -> Configuration:
    """Return the configuration that differs from `canonical` by `delta`."""
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


def _is_spoken_for(key: str, before: Any, after: Any) -> bool:
    return key in VARIABLE_FIELDS and _is_set(before) and _is_set(after)


def _is_set(value: Any) -> bool:
    return value is not None and value is not _MISSING and value != ""


def nest_delta(delta: Delta) -> dict[str, Any]:
    """Return the form in which MongoDB holds a delta: the entries at the paths of their keys."""
    return nest(delta)


def flatten_delta(stored: Mapping[str, Any]) -> Delta:
    """Return a delta by key from the form in which MongoDB holds it: undoes `nest_delta`."""
    return dict(sorted(_entries(stored, "")))


def _entries(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Entry]]:
    for name, value in node.items():
        if not isinstance(value, dict):  # much faster than asking for a Mapping
            continue
        entry = {field: part for field, part in value.items() if not isinstance(part, dict)}
        if "canonical" in entry:
            yield f"{prefix}{name}", entry
        yield from _entries(value, f"{prefix}{name}.")
