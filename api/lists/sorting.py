"""Orders of lists, and the positions in them that cursors name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.filters.conditions import All, Condition, Filter, Scalar
from api.http.errors import bad_parameter, did_you_mean
from models.fields import FieldTable

MAX_KEYS = 4
_BY_ITS_FIELD = frozenset({"lt", "lte", "gt", "gte", "contains", "startswith"})
_MERGED = 100  # so many scans of an index MongoDB merges into one order


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of the documents of a list: stored paths, 1 ascending or -1 descending."""

    keys: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        """The order in one line, for the digest of a cursor."""
        return ",".join(f"{'-' if direction < 0 else ''}{path}" for path, direction in self.keys)

    def position(self, document: Mapping[str, Any]) -> list[Scalar]:
        """Return where a document stands."""
        return [_at(document, path) for path, _ in self.keys]

    def after(self, table: FieldTable, position: Sequence[Scalar]) -> list[dict[str, Any]]:
        """Return the queries for what stands after a position, to be asked one after the other.

        Each is one run of an index, so that a deep page costs what the first one does: all that
        has the same values up to some key, and another one there. Null stands before everything
        else. The natural order ends the list: its own ties are few, and filtered out.
        """
        ties = len(table.order) - 1
        values = dict(zip(self.keys, position, strict=True))
        last = {path: value for (path, _), value in [*values.items()][-ties - 1 :]}
        runs: list[dict[str, Any]] = []
        for number, (path, direction) in enumerate(self.keys):
            same = {path: value for (path, _), value in [*values.items()][:number]}
            value = values[path, direction]
            if number == len(self.keys) - ties - 1:
                beyond = {"$gte" if direction > 0 else "$lte": value}
                return [{**same, path: beyond, **_not_at(last, direction)}, *reversed(runs)]
            runs += [{**same, path: beyond} for beyond in reversed(_beyond(direction, value))]
        raise AssertionError("an order ends in the natural one")


def parse_order(table: FieldTable, text: str | None, tree: Filter) -> Order:
    """Return the order that `sort` asks for, or the one that suits the filter.

    Ties stand in the natural order, in the direction of the last key.
    """
    chosen = text if text is not None else default_sort(table, tree)
    names = chosen.split(",")
    if len(names) > MAX_KEYS:
        raise bad_parameter("sort", f"A list is sorted by {MAX_KEYS} fields at most.")
    keys: dict[str, int] = {}
    direction = 1
    for name in names:
        direction = -1 if name.startswith("-") else 1
        field = table.by_name.get(name.removeprefix("-"))
        if field is None or not field.sortable:
            hint = did_you_mean(name.removeprefix("-"), [field.name for field in table.sortable])
            raise bad_parameter("sort", f"A list cannot be sorted by {name[:100]!r}{hint}")
        if field.stored in keys:
            raise bad_parameter("sort", f"{field.name!r} stands in it twice.")
        keys[field.stored] = direction
    for tie in table.order:
        keys.setdefault(tie, direction)
    last = table.order[-1]  # nothing after what is unique tells any two documents apart
    paths = [*keys][: [*keys].index(last) + 1]
    return Order(tuple((path, keys[path]) for path in paths))


def default_sort(table: FieldTable, tree: Filter) -> str:
    """Return the sort of a list that is asked for without one.

    It is that of the table, which the index of any field continues with. A range is a run of its
    index in the order of its own field only.
    """
    conditions = (
        [part for part in tree.parts if isinstance(part, Condition)]
        if isinstance(tree, All)
        else []
    )
    if any(_is_point(condition) for condition in conditions):
        return table.default_sort
    sign = "-" if table.default_sort.startswith("-") else ""
    for condition in conditions:
        if condition.field.sortable and _is_range(condition):
            return f"{sign}{condition.field.name}"
    return table.default_sort


def _is_point(condition: Condition) -> bool:
    if condition.operator == "exists":
        return not condition.values[0]
    return condition.operator in ("eq", "in") and len(condition.values) <= _MERGED


def _is_range(condition: Condition) -> bool:
    return condition.operator in _BY_ITS_FIELD or condition.operator in ("exists", "eq", "in")


def _not_at(position: Mapping[str, Scalar], direction: int) -> dict[str, Any]:
    """Leave out what has the same natural position but for the last key, and stands before it."""
    *same, (last, value) = position.items()
    return {"$nor": [{**dict(same), last: {"$lte" if direction > 0 else "$gte": value}}]}


def _beyond(direction: int, value: Scalar) -> list[Any]:
    """Return the conditions on one path, any of which means to stand after a value."""
    if value is None:
        return [{"$ne": None}] if direction > 0 else []
    return [{"$gt": value}] if direction > 0 else [{"$lt": value}, None]


def _at(document: Mapping[str, Any], path: str) -> Scalar:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    scalar: str | int | float | bool | datetime | None = value
    return scalar
