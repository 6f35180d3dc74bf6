"""Expressions of a pipeline, checked against the allow-list."""

from collections.abc import Iterable, Mapping
from typing import Any

from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.growth import NONE, WHOLE, Copies, add
from api.aggregation.operators import EXPRESSIONS, SCALAR, SYSTEM_VARIABLES
from api.aggregation.scope import CheckedExpression, Scope
from api.aggregation.values import check_name, is_typed, read_typed
from api.aggregation.work import (
    OPERATOR_UNITS,
    PATH_UNITS,
    Work,
    size_of_constant,
    total,
    work_of_operator,
    work_of_path,
)

_SMALL = Work(16.0)  # the size of a number, a date, a boolean


def check_expression(value: Any, place: str, scope: Scope) -> CheckedExpression:
    """Return an expression in the form to run; PipelineError says where it is not allowed."""
    if isinstance(value, str):
        return _check_text(value, place, scope)
    if isinstance(value, list):
        return check_list(value, place, scope)
    if not isinstance(value, dict):
        return CheckedExpression(value, size=_SMALL)
    if is_typed(value):
        return CheckedExpression(read_typed(value, place), size=_SMALL)
    if any(name.startswith("$") for name in value):
        return _check_operator(value, place, scope)
    return check_object(value, place, scope)


def check_list(values: Iterable[Any], place: str, scope: Scope) -> CheckedExpression:
    """Return a list of expressions, all of them checked."""
    items = [check_expression(item, f"{place}[{i}]", scope) for i, item in enumerate(values)]
    return CheckedExpression(
        [item.value for item in items],
        add(item.copies for item in items),
        total(item.work for item in items) + Work(OPERATOR_UNITS * len(items)),
        total(item.size for item in items) + Work(8.0 * len(items)),
    )


def check_object(value: Mapping[str, Any], place: str, scope: Scope) -> CheckedExpression:
    """Return an object whose values are expressions, all of them checked."""
    for name in value:
        check_name(name, place)
    items = {name: check_expression(item, f"{place}.{name}", scope) for name, item in value.items()}
    return CheckedExpression(
        {name: item.value for name, item in items.items()},
        add(item.copies for item in items.values()),
        total(item.work for item in items.values()) + Work(OPERATOR_UNITS * len(items)),
        total(item.size for item in items.values()) + Work(8.0 * len(items)),
    )


def _check_text(text: str, place: str, scope: Scope) -> CheckedExpression:
    """Return a text: `$$name` is a variable, `$path` a field, anything else a constant."""
    if text.startswith("$$"):
        return _check_variable(text, place, scope)
    if text.startswith("$"):
        scope.check_reading(place)
        return _path(text, {text[1:].partition(".")[0]: 1})
    return CheckedExpression(text, size=size_of_constant(text))


def _path(text: str, copies: Copies) -> CheckedExpression:
    return CheckedExpression(text, copies, work_of_path(text), Work(0.0, {text: 1.0}))


def _check_variable(text: str, place: str, scope: Scope) -> CheckedExpression:
    name = text[2:].partition(".")[0]
    variable = scope.variables.get(name)
    if variable is not None:
        scope.check_reading(place, variable.loops)
        return _path(text, variable.copies)
    if name not in SYSTEM_VARIABLES:
        allowed = [f"$${other}" for other in SYSTEM_VARIABLES | scope.variables.keys()]
        raise not_allowed(place, "variable", f"$${name}", allowed)
    if name in ("NOW", "REMOVE"):
        return CheckedExpression(text, NONE, Work(PATH_UNITS), _SMALL)
    scope.check_reading(place)
    return _path(text, {WHOLE: 1})


def _check_operator(value: Mapping[str, Any], place: str, scope: Scope) -> CheckedExpression:
    name = next(name for name in value if name.startswith("$"))
    if name not in EXPRESSIONS:
        raise not_allowed(f"{place}.{name[:100]}", "operator", name, EXPRESSIONS)
    if len(value) > 1:
        raise PipelineError(place, f"an object with {name} can have no other member.")
    inner = f"{place}.{name}"
    rule = scope.rules.get(name)
    if rule is not None:
        return rule(value[name], inner, scope)
    operands = check_expression(value[name], inner, scope)
    is_scalar = name in SCALAR
    return CheckedExpression(
        {name: operands.value},
        NONE if is_scalar else operands.copies,
        operands.work + work_of_operator(name, operands.size),
        _SMALL if is_scalar else operands.size + _SMALL,
    )
