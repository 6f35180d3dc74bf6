"""The fields of its documents that a list shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from api.http.errors import bad_parameter, did_you_mean
from models.fields import FieldTable
from models.resources import RESOURCES

Item = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """Names of fields of a table: all that a list shows, or those that `fields` selects."""

    table: FieldTable
    names: tuple[str, ...]
    is_chosen: bool

    @cached_property
    def roots(self) -> dict[str, None]:
        """The top-level fields of the items."""
        return dict.fromkeys(self.table.by_name[name].root for name in self.names)

    def projection(self, order: Iterable[str]) -> dict[str, int]:
        """Return the projection of the selected fields and of the paths that sort the list."""
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
    """Return the selection for the parameter `fields`; a 400 when it names an unknown field."""
    if text is None:
        return _all_listed(table.resource)
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
def _all_listed(resource: str) -> Selection:
    table = RESOURCES[resource]
    listed = tuple(field.name for field in table.fields if field.listed)
    return Selection(table, listed, is_chosen=False)


def value_at(item: Mapping[str, Any], name: str) -> Any:
    """Return the value of a field in an item; a list when the path leads through a list."""
    return _value_along(item, name.split("."))


def _value_along(value: Any, parts: list[str]) -> Any:
    if not parts:
        return value
    if isinstance(value, list):
        return [_value_along(element, parts) for element in value]
    return _value_along(value.get(parts[0]), parts[1:]) if isinstance(value, Mapping) else None


def _part(value: Any, parts: list[str]) -> Any:
    """Return the objects from `value` down to the field at the path, without their other fields."""
    if not parts or value is None:
        return value
    if isinstance(value, list):
        return [_part(element, parts) for element in value]
    return {parts[0]: _part(value.get(parts[0]), parts[1:])} if isinstance(value, Mapping) else None


def _merge(into: Any, other: Any) -> None:
    """Add a part of an item to other parts of the same item."""
    for name, value in other.items():
        known = into.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            for known_element, element in zip(known, value, strict=True):
                if isinstance(known_element, dict) and isinstance(element, dict):
                    _merge(known_element, element)
        else:
            into[name] = value


Document = Mapping[str, Any]
Roots = Mapping[str, None]


def shown_fields(document: Document, roots: Roots) -> dict[str, Any]:
    """Return the fields `roots` of a stored document; those that it lacks are None."""
    item = dict(document)
    document_id = item.pop("_id")
    if "id" in roots:
        item["id"] = document_id
    if item.keys() == roots.keys():
        return item
    return {root: item.get(root) for root in roots}
