"""Orders of lists, and the positions in them that cursors encode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.filters.conditions import All, Condition, Filter, Scalar
from api.http.errors import bad_parameter, did_you_mean
from models.fields import FieldTable

MAX_KEYS = 4
_RANGE_OPERATORS = frozenset({"lt", "lte", "gt", "gte", "contains", "startswith"})
_MAX_MERGED_SCANS = 100  # of an index that MongoDB merges into one order


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of the documents of a list: stored paths, each with 1 for ascending or -1."""

    keys: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        """The order as text, for the digest of a cursor, such as `-machine,lid`."""
        return ",".join(f"{'-' if direction < 0 else ''}{path}" for path, direction in self.keys)

    def position(self, document: Mapping[str, Any]) -> list[Scalar]:
        """Return the position of a document: its values at the paths of the order."""
        return [_at(document, path) for path, _ in self.keys]

    def after(self, table: FieldTable, position: Sequence[Scalar]) -> list[dict[str, Any]]:
        """Return queries that together find the documents after a position, in this sequence.

        Each query is one range of an index, so that a deep page costs no more than the first one:
        the documents with the same values up to some key and a later value there. Null is less
        than everything else. With the keys a, b and the natural order of the table (t, id):

            position (1, 2, 5, x):  a = 1, b = 2, t >= 5, not (t = 5 and id <= x)
                                    a = 1, b > 2
                                    a > 1

        Documents that differ only in the last key are few. The first query reads all of them and
        excludes those up to the position, so that the last key needs no range of its own.
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
        raise AssertionError("every order ends in the natural order")


def parse_order(table: FieldTable, text: str | None, tree: Filter) -> Order:
    """Return the order for the parameter `sort`, or without one the `default_sort` of the filter.

    Ties are in the natural order of the table, in the direction of the last key. Raise a 400 when
    the list cannot be sorted in that way.
    """
    chosen = text if text is not None else default_sort(table, tree)
    names = chosen.split(",")
    if len(names) > MAX_KEYS:
        raise bad_parameter("sort", f"A list can be sorted by at most {MAX_KEYS} fields.")
    keys: dict[str, int] = {}
    direction = 1
    for name in names:
        direction = -1 if name.startswith("-") else 1
        field = table.by_name.get(name.removeprefix("-"))
        if field is None or not field.sortable:
            hint = did_you_mean(name.removeprefix("-"), [field.name for field in table.sortable])
            raise bad_parameter("sort", f"A list cannot be sorted by {name[:100]!r}{hint}")
        if field.stored in keys:
            raise bad_parameter("sort", f"{field.name!r} occurs twice.")
        keys[field.stored] = direction
    for tie in table.order:
        keys.setdefault(tie, direction)
    last = table.order[-1]  # it is unique, so keys after it have no effect
    paths = [*keys][: [*keys].index(last) + 1]
    return Order(tuple((path, keys[path]) for path in paths))


def default_sort(table: FieldTable, tree: Filter) -> str:
    """Return the `sort` of a list for a request that has none.

    It is that of the table, because the index of every field continues with it. But the index of a
    field yields a range of values only in the order of that field; so a filter by ranges alone is
    sorted by the field of the first one.
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
    return condition.operator in ("eq", "in") and len(condition.values) <= _MAX_MERGED_SCANS


def _is_range(condition: Condition) -> bool:
    return condition.operator in _RANGE_OPERATORS or condition.operator in ("exists", "eq", "in")


def _not_at(position: Mapping[str, Scalar], direction: int) -> dict[str, Any]:
    """Exclude documents with this natural position except for the last key, up to that key."""
    *same, (last, value) = position.items()
    return {"$nor": [{**dict(same), last: {"$lte" if direction > 0 else "$gte": value}}]}


def _beyond(direction: int, value: Scalar) -> list[Any]:
    """Return the conditions on one path that find the values after `value`: any of them does."""
    if value is None:
        return [{"$ne": None}] if direction > 0 else []
    return [{"$gt": value}] if direction > 0 else [{"$lt": value}, None]


def _at(document: Mapping[str, Any], path: str) -> Scalar:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    scalar: str | int | float | bool | datetime | None = value
    return scalar
