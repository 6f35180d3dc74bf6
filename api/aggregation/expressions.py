"""Expressions of a pipeline, checked against the allow-list."""

from collections.abc import Iterable, Mapping
from typing import Any

from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.growth import NONE, WHOLE, add
from api.aggregation.operators import EXPRESSIONS, SCALAR, SYSTEM_VARIABLES
from api.aggregation.scope import CheckedExpression, Scope
from api.aggregation.values import check_name, is_typed, read_typed


def check_expression(value: Any, place: str, scope: Scope) -> CheckedExpression:
    """Return an expression in the form to run; PipelineError says where it is not allowed."""
    if isinstance(value, str):
        return _check_text(value, place, scope)
    if isinstance(value, list):
        return check_list(value, place, scope)
    if not isinstance(value, dict):
        return CheckedExpression(value)
    if is_typed(value):
        return CheckedExpression(read_typed(value, place))
    if any(name.startswith("$") for name in value):
        return _check_operator(value, place, scope)
    return check_object(value, place, scope)


def check_list(values: Iterable[Any], place: str, scope: Scope) -> CheckedExpression:
    """Return a list of expressions, all of them checked."""
    items = [check_expression(item, f"{place}[{i}]", scope) for i, item in enumerate(values)]
    return CheckedExpression([item.value for item in items], add(item.copies for item in items))


def check_object(value: Mapping[str, Any], place: str, scope: Scope) -> CheckedExpression:
    """Return an object whose values are expressions, all of them checked."""
    for name in value:
        check_name(name, place)
    items = {name: check_expression(item, f"{place}.{name}", scope) for name, item in value.items()}
    return CheckedExpression(
        {name: item.value for name, item in items.items()},
        add(item.copies for item in items.values()),
    )


def _check_text(text: str, place: str, scope: Scope) -> CheckedExpression:
    """Return a text: `$$name` is a variable, `$path` a field, anything else a constant."""
    if text.startswith("$$"):
        return _check_variable(text, place, scope)
    if text.startswith("$"):
        scope.check_reading(place)
        return CheckedExpression(text, {text[1:].partition(".")[0]: 1})
    return CheckedExpression(text)


def _check_variable(text: str, place: str, scope: Scope) -> CheckedExpression:
    name = text[2:].partition(".")[0]
    variable = scope.variables.get(name)
    if variable is not None:
        scope.check_reading(place, variable.loops)
        return CheckedExpression(text, variable.copies)
    if name not in SYSTEM_VARIABLES:
        allowed = [f"$${other}" for other in SYSTEM_VARIABLES | scope.variables.keys()]
        raise not_allowed(place, "variable", f"$${name}", allowed)
    if name in ("NOW", "REMOVE"):
        return CheckedExpression(text, NONE)
    scope.check_reading(place)
    return CheckedExpression(text, {WHOLE: 1})


def _check_operator(value: Mapping[str, Any], place: str, scope: Scope) -> CheckedExpression:
    name = next(name for name in value if name.startswith("$"))
    if name not in EXPRESSIONS:
        raise not_allowed(f"{place}.{name[:100]}", "operator", name, EXPRESSIONS)
    if len(value) > 1:
        raise PipelineError(place, f"an object with {name} can have no other member.")
    inner = f"{place}.{name}"
    rule = scope.rules.get(name)
    if rule is not None:
        checked = rule(value[name], inner, scope)
        return CheckedExpression({name: checked.value}, checked.copies)
    operands = check_expression(value[name], inner, scope)
    return CheckedExpression({name: operands.value}, NONE if name in SCALAR else operands.copies)
