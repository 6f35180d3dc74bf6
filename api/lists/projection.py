"""Which fields of its documents a list shows, and how."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from api.http.errors import bad_parameter, did_you_mean
from models.fields import FieldTable
from models.resources import RESOURCES

Item = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """Fields of a table by name: all that a list shows, or those that `fields` asks for."""

    table: FieldTable
    names: tuple[str, ...]
    is_chosen: bool

    @cached_property
    def roots(self) -> dict[str, None]:
        """The top-level fields of the items."""
        return dict.fromkeys(self.table.by_name[name].root for name in self.names)

    def projection(self, order: Iterable[str]) -> dict[str, int]:
        """Return what is needed of a stored document, with what it is sorted by."""
        return dict.fromkeys([*self._sources, *(path.partition(".")[0] for path in order)], 1)

    @cached_property
    def _sources(self) -> tuple[str, ...]:
        return tuple(map(self._source, self.roots))

    def _source(self, root: str) -> str:
        field = self.table.by_name.get(root)
        return (field and field.shown_from) or ("_id" if root == "id" else root)

    def item(self, whole: Item) -> Item:
        """Return the selected part of an item."""
        if not self.is_chosen:
            return whole
        item: Item = {}
        for name in self.names:
            _merge(item, _part(whole, name.split(".")))
        return item


def select(table: FieldTable, text: str | None) -> Selection:
    """Return the selection that `fields` asks for; a 400 when there is no such field."""
    if text is None:
        return _everything(table.resource)
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in table.by_name:
            raise bad_parameter(
                "fields",
                f"There is no field {name[:100]!r} of {table.resource}"
                f"{did_you_mean(name, table.by_name)}",
            )
    return Selection(table, names, is_chosen=True)


@cache
def _everything(resource: str) -> Selection:
    table = RESOURCES[resource]
    listed = tuple(field.name for field in table.fields if field.listed)
    return Selection(table, listed, is_chosen=False)


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


Document = Mapping[str, Any]
Roots = Mapping[str, None]


def shown_fields(document: Document, roots: Roots) -> dict[str, Any]:
    """Return the fields `roots` of a document, null where it has none."""
    item = dict(document)
    own_id = item.pop("_id")
    if "id" in roots:
        item["id"] = own_id
    if item.keys() == roots.keys():
        return item
    return {root: item.get(root) for root in roots}
