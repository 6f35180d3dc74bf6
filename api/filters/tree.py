"""Filters from JSON: `{"and": […]}`, `{"or": […]}`, `{"not": …}` and conditions."""

from typing import Any

from api.filters.conditions import ANY_OF, All, Condition, Filter, Not
from api.filters.conditions import Any as AnyOf
from api.filters.parse import (
    SEARCH,
    check_operator,
    is_keyed,
    keyed_condition,
    meant,
    parse_operator,
    search_words,
    unknown_field,
)
from api.filters.values import check_choices, read_json_value
from api.http.errors import bad_parameter, bad_value
from models.fields import FieldTable

MAX_DEPTH = 8
MAX_NODES = 200
MAX_VALUES = 10_000

_CONDITION = {"field", "op", "value"}


def parse_tree(table: FieldTable, node: Any) -> Filter:
    """Return the filter of a JSON tree; raise a 400 when its form is invalid, a 422 for a value."""
    return _TreeParser(table).read(node, "filter", 1)


class _TreeParser:
    """A parser of one tree, which counts its nodes and values."""

    def __init__(self, table: FieldTable) -> None:
        self._table = table
        self._nodes = 0
        self._values = 0

    def read(self, node: Any, where: str, depth: int) -> Filter:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise bad_parameter(
                where, f"A filter has at most {MAX_DEPTH} levels and {MAX_NODES} nodes."
            )
        if not isinstance(node, dict):
            raise bad_parameter(where, "A filter is an object: and, or, not, or a condition.")
        if node.keys() == {"not"}:
            return Not(self.read(node["not"], f"{where}.not", depth + 1))
        if node.keys() == {"and"} or node.keys() == {"or"}:
            (name,) = node
            return self._combination(name, node[name], f"{where}.{name}", depth)
        if node.keys() <= _CONDITION and {"field", "value"} <= node.keys():
            return self._condition(node, where)
        raise bad_parameter(
            where,
            'A filter is {"and": […]}, {"or": […]}, {"not": …} or {"field", "op", "value"}.',
        )

    def _combination(self, name: str, parts: Any, where: str, depth: int) -> Filter:
        if not isinstance(parts, list) or not parts:
            raise bad_parameter(where, f"{name!r} takes a list of at least one filter.")
        read = tuple(
            self.read(part, f"{where}[{number}]", depth + 1) for number, part in enumerate(parts)
        )
        return All(read) if name == "and" else AnyOf(read)

    def _condition(self, node: dict[str, Any], where: str) -> Filter:
        name, operator_name = node["field"], node.get("op", "eq")
        if not isinstance(name, str) or not isinstance(operator_name, str):
            raise bad_parameter(where, "The field and the operator of a condition are strings.")
        operator = parse_operator(operator_name, name)
        is_list = isinstance(node["value"], list)
        values = node["value"] if is_list else [node["value"]]
        self._values += len(values)
        if self._values > MAX_VALUES:
            raise bad_value(where, f"a filter has at most {MAX_VALUES} values")
        if not values or (is_list and operator not in ANY_OF):
            raise bad_value(where, f"{operator!r} does not take such a list of values")
        try:
            return self._comparison(name, operator, values, where)
        except ValueError as error:
            raise bad_value(where, str(error)) from None

    def _comparison(self, name: str, operator: Any, values: list[Any], where: str) -> Filter:
        if is_keyed(self._table, name):
            return keyed_condition(name, operator, values)
        if name == SEARCH and self._table.words and operator == "eq" and len(values) == 1:
            if not isinstance(values[0], str):
                raise bad_value(where, "a search is a string")
            return search_words(values[0])
        field = self._table.by_name.get(name)
        if field is None or not field.filterable:
            raise unknown_field(self._table, name)
        check_operator(field, operator)
        read = tuple(read_json_value(value, field.type, operator) for value in values)
        check_choices(read, field.choices, operator)
        return Condition(field, operator, meant(field, operator, read))
