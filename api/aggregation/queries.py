"""The filters of `$match`, checked against the allow-list."""

from collections.abc import Callable, Mapping
from typing import Any

from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.expressions import check_expression
from api.aggregation.operators import CONDITIONS, LOGIC
from api.aggregation.patterns import check_options, check_pattern
from api.aggregation.scope import CheckedExpression, Scope
from api.aggregation.special_operators import TOP_LEVEL
from api.aggregation.values import check_name, is_typed, read_value
from api.aggregation.work import total

MAX_ALL = 100

Json = dict[str, Any]


def check_query(value: Any, place: str, scope: Scope = TOP_LEVEL) -> CheckedExpression:
    """Return a filter in the form to run; PipelineError says where it is not allowed."""
    if not isinstance(value, dict):
        raise PipelineError(place, "a filter is an object.")
    parts = {
        name: _check_part(name, item, f"{place}.{name}", scope) for name, item in value.items()
    }
    return CheckedExpression(
        {name: part.value for name, part in parts.items()},
        work=total(part.work for part in parts.values()),
    )


def _check_part(name: str, value: Any, place: str, scope: Scope) -> CheckedExpression:
    if name == "$expr":
        return check_expression(value, place, scope)
    if name in LOGIC:
        if not isinstance(value, list) or not value:
            raise PipelineError(place, "this must be a list of filters.")
        filters = [check_query(item, f"{place}[{i}]", scope) for i, item in enumerate(value)]
        return CheckedExpression(
            [item.value for item in filters], work=total(item.work for item in filters)
        )
    return CheckedExpression(_check_field(name, value, place))


def _check_field(name: str, value: Any, place: str) -> Any:
    if name.startswith("$"):
        raise not_allowed(place, "operator in place of a field", name, {*LOGIC, "$expr"})
    check_name(name, place)
    if isinstance(value, dict) and _has_operators(value):
        return check_conditions(value, place)
    return read_value(value, place)


def _has_operators(value: Json) -> bool:
    return not is_typed(value) and any(name.startswith("$") for name in value)


def check_conditions(value: Any, place: str) -> Json:
    """Return the conditions on the value of a field, all of them checked."""
    if not isinstance(value, dict) or not value:
        raise PipelineError(place, "this must be an object of operators.")
    for name in value:
        if name not in CONDITIONS:
            raise not_allowed(f"{place}.{name[:100]}", "condition", name, CONDITIONS)
    if "$options" in value and "$regex" not in value:
        raise PipelineError(place, "$options is allowed only together with $regex.")
    return {name: _CONDITIONS[name](item, f"{place}.{name}") for name, item in value.items()}


def _list(value: Any, place: str) -> Any:
    if not isinstance(value, list):
        raise PipelineError(place, "this must be a list of values.")
    return read_value(value, place)


def _all(value: Any, place: str) -> Any:
    """Return the values of an `$all`: MongoDB goes through a list once for each of them."""
    values = _list(value, place)
    if len(values) > MAX_ALL:
        raise PipelineError(place, f"this can have {MAX_ALL} values at most.")
    return values


def _exists(value: Any, place: str) -> bool:
    if value not in (True, False):
        raise PipelineError(place, "this must be true or false.")
    return bool(value)


def _size(value: Any, place: str) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise PipelineError(place, "this must be a number of items.")
    return value


def _mod(value: Any, place: str) -> Any:
    if not isinstance(value, list) or [type(item) for item in value] != [int, int] or not value[0]:
        raise PipelineError(place, "this must be [divisor, remainder].")
    return value


def _type(value: Any, place: str) -> Any:
    names = value if isinstance(value, list) else [value]
    if not names or not all(type(name) in (str, int) for name in names):
        raise PipelineError(place, "this must be the name of a type, or a list of names.")
    return value


def _elem_match(value: Any, place: str) -> Json:
    """Return conditions on the items of a list, or a filter when the items are objects."""
    if isinstance(value, dict) and value.keys() & CONDITIONS:
        return check_conditions(value, place)
    query: Json = check_query(value, place).value
    return query


_CONDITIONS: Mapping[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(("$eq", "$gt", "$gte", "$lt", "$lte", "$ne"), read_value),
    **dict.fromkeys(("$in", "$nin"), _list),
    "$all": _all,
    "$elemMatch": _elem_match,
    "$exists": _exists,
    "$mod": _mod,
    "$not": check_conditions,
    "$options": check_options,
    "$regex": check_pattern,
    "$size": _size,
    "$type": _type,
}
