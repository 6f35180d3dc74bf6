"""Which fields of its documents a list shows, and how."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.errors import bad_parameter, nearest
from models.fields import Table

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """Fields of a table by name: all that a list shows, or those that `fields` asks for."""

    table: Table
    names: tuple[str, ...]
    is_chosen: bool

    @property
    def roots(self) -> tuple[str, ...]:
        """The top-level fields of the items."""
        return tuple(dict.fromkeys(self.table.by_name[name].root for name in self.names))

    def projection(self, order: Iterable[str]) -> dict[str, int]:
        """Return what is needed of a stored document, with what it is sorted by."""
        stored = ("_id" if root == "id" else root for root in self.roots)
        return dict.fromkeys([*stored, *(path.partition(".")[0] for path in order)], 1)

    def item(self, whole: Mapping[str, Any]) -> Item:
        """Return the selected part of an item."""
        if not self.is_chosen:
            return dict(whole)
        item: Item = {}
        for name in self.names:
            _merge(item, _part(whole, name.split(".")))
        return item


def select(table: Table, text: str | None) -> Selection:
    """Return the selection that `fields` asks for; a 400 when there is no such field."""
    if text is None:
        listed = tuple(field.name for field in table.fields if field.listed)
        return Selection(table, listed, is_chosen=False)
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in table.by_name:
            raise bad_parameter(
                "fields",
                f"There is no field {name[:100]!r} of {table.resource}"
                f"{nearest(name, table.by_name)}",
            )
    return Selection(table, names, is_chosen=True)


def value_at(item: Mapping[str, Any], name: str) -> Any:
    """Return the value of a field in an item; of a field of objects in a list, a list."""
    return _along(item, name.split("."), lambda value: value)


def _along(value: Any, parts: list[str], found: Callable[[Any], Any]) -> Any:
    if not parts:
        return found(value)
    if isinstance(value, list):
        return [_along(one, parts, found) for one in value]
    return _along(value.get(parts[0]), parts[1:], found) if isinstance(value, Mapping) else None


def _part(value: Any, parts: list[str]) -> Any:
    if not parts or value is None:
        return value
    if isinstance(value, list):
        return [_part(one, parts) for one in value]
    return {parts[0]: _part(value.get(parts[0]), parts[1:])} if isinstance(value, Mapping) else None


def _merge(into: Any, other: Any) -> None:
    """Put a part of an item beside other parts of the same item."""
    for name, value in other.items():
        known = into.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            for mine, theirs in zip(known, value, strict=True):
                if isinstance(mine, dict) and isinstance(theirs, dict):
                    _merge(mine, theirs)
        else:
            into[name] = value
