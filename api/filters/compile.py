"""From filters to MongoDB queries: the only place that makes operators out of a request."""

import re
from typing import Any

from api.filters.conditions import (
    RANGES,
    All,
    Condition,
    DeltaCondition,
    Filter,
    Not,
    Operator,
    Scalar,
    Words,
)
from api.filters.conditions import Any as AnyOf
from api.filters.config import ConfigMatches
from models.configuration.metadata import VARIABLE_FIELDS
from models.database.queries import and_query, or_query
from models.fields import FieldTable
from models.spack.target import satisfying_targets
from models.spack.version import parse_constraint, version_key
from models.specs.search import version_conditions

Query = dict[str, Any]

_NO_MATCHES = ConfigMatches()


def compile_filter(table: FieldTable, tree: Filter, config: ConfigMatches = _NO_MATCHES) -> Query:
    """Return the query for a filter; `config` has the cases that match its ConfigConditions."""
    match tree:
        case Condition():
            return _condition(tree)
        case DeltaCondition():
            return _delta_condition(tree)
        case Words(words):
            return and_query(*({table.words: {"$regex": f"^{re.escape(word)}"}} for word in words))
        case All(parts):
            return and_query(*(compile_filter(table, part, config) for part in parts))
        case AnyOf(parts):
            return {"$or": [compile_filter(table, part, config) for part in parts]}
        case Not(part):
            return {"$nor": [compile_filter(table, part, config)]}
        case _:
            return config.query(tree, comparison)


def comparison(operator: Operator, values: tuple[Scalar, ...], *, is_list: bool = False) -> Any:
    """Return the MongoDB expression that compares one path with values, as in `{path: …}`."""
    first = values[0]
    if operator in ("eq", "in"):
        return first if len(values) == 1 else {"$in": list(values)}
    if operator == "ne":
        return {"$nin": list(values)} if len(values) > 1 else {"$ne": first}
    if operator == "exists":
        return _existence(bool(first), is_list=is_list)
    if operator == "contains":
        return {"$regex": re.escape(str(first))}
    if operator == "startswith":
        return {"$regex": f"^{re.escape(str(first))}"}
    return {f"${operator}": first}


def _condition(condition: Condition) -> Query:
    field, operator, values = condition.field, condition.operator, condition.values
    if field.name == "changed" and operator in ("eq", "in", "ne"):
        values = tuple(name for value in values for name in _names_of(str(value)))
    if field.type in ("version", "target") and operator not in ("exists", "startswith"):
        return _spack_condition(field.stored, field.type, operator, values)
    is_list = field.type == "list of text"
    return {field.stored: comparison(operator, values, is_list=is_list)}


def _spack_condition(path: str, kind: str, operator: Operator, values: tuple[Scalar, ...]) -> Query:
    """Return a query that compares as Spack does: versions by sort key, targets by ancestry."""
    if operator in RANGES:
        return {path: {f"${operator}": version_key(str(values[0]))}}
    alternatives_of = _versions if kind == "version" else _targets
    alternatives = [
        alternative
        for value in values
        for alternative in ([None] if value is None else alternatives_of(str(value)))
    ]
    query = or_query(*({path: alternative} for alternative in alternatives))
    return {"$nor": [query]} if operator == "ne" else query


def _versions(text: str) -> list[Any]:
    return version_conditions(parse_constraint(text))


def _targets(text: str) -> list[Any]:
    names = satisfying_targets(text)
    return [{"$ne": None} if names is None else {"$in": list(names)}]


def _existence(exists: bool, *, is_list: bool) -> Query:
    """Return the expression for a value other than null, or for a list that has a text in it."""
    if is_list:
        return {"$gte": ""} if exists else {"$not": {"$gte": ""}}
    return {"$ne": None} if exists else {"$eq": None}


def _delta_condition(condition: DeltaCondition) -> Query:
    """Return the query for a delta; its part on `changed` lets MongoDB use the index of that field.

    A variable may be stored under the name of its metadata field.
    """
    names = _names_of(condition.key)
    changed = {"changed": names[0] if len(names) == 1 else {"$in": list(names)}}
    if condition.operator == "exists":
        return changed if condition.values[0] else {"$nor": [changed]}
    compared = comparison(condition.operator, condition.values)
    values = [{"changed": name, f"runConfigDeltas.{name}.current": compared} for name in names]
    return and_query(changed, or_query(*values))


def _names_of(key: str) -> tuple[str, ...]:
    """Return the names that a delta key may have in `changed`."""
    field = VARIABLE_FIELDS.get(key)
    return (key,) if field is None else (key, field)
