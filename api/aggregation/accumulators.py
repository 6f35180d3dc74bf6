"""The accumulators of `$group` and of the bucket stages, checked against the allow-list."""

from collections.abc import Mapping
from typing import Any

from api.aggregation.arguments import check_order, read_arguments
from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.expressions import check_expression
from api.aggregation.growth import NONE, add
from api.aggregation.operators import ACCUMULATORS, SCALAR_ACCUMULATORS
from api.aggregation.scope import CheckedExpression, Scope
from api.aggregation.values import check_name
from api.aggregation.work import total

MAX_KEPT = 1000
"""The largest `n` of an accumulator such as `$firstN`."""

_SORTED = {"$bottom": (), "$bottomN": ("n",), "$top": (), "$topN": ("n",)}
_NUMBERED = frozenset({"$firstN", "$lastN", "$maxN", "$minN"})


def check_accumulators(value: Mapping[str, Any], place: str, scope: Scope) -> CheckedExpression:
    """Return output fields, each computed over many documents by one accumulator."""
    checked: dict[str, CheckedExpression] = {}
    for name, item in value.items():
        check_name(name, place)
        checked[name] = _check(item, f"{place}.{name}", scope)
    return CheckedExpression(
        {name: item.value for name, item in checked.items()},
        add(item.copies for item in checked.values()),
        total(item.work for item in checked.values()),
    )


def _check(value: Any, place: str, scope: Scope) -> CheckedExpression:
    if not isinstance(value, dict) or len(value) != 1:
        raise PipelineError(place, "this must be an object with one accumulator.")
    ((name, content),) = value.items()
    inner = f"{place}.{name[:100]}"
    if name not in ACCUMULATORS:
        raise not_allowed(inner, "accumulator", name, ACCUMULATORS)
    if name == "$count" and content != {}:
        raise PipelineError(inner, "this must be an empty object.")
    if name in _SORTED:
        checked = _check_sorted(content, inner, scope, _SORTED[name])
    elif name in _NUMBERED:
        checked = _check_numbered(content, inner, scope)
    else:
        checked = check_expression(content, inner, scope)
    copies = NONE if name in SCALAR_ACCUMULATORS else checked.copies
    return CheckedExpression({name: checked.value}, copies, checked.work)


def _check_sorted(
    value: Any, place: str, scope: Scope, more_names: tuple[str, ...]
) -> CheckedExpression:
    arguments = read_arguments(value, place, ["output", "sortBy", *more_names])
    output = check_expression(arguments["output"], f"{place}.output", scope)
    checked = {
        "output": output.value,
        "sortBy": check_order(arguments["sortBy"], f"{place}.sortBy"),
    }
    if "n" in arguments:
        checked["n"] = _number(arguments["n"], f"{place}.n")
    return CheckedExpression(checked, output.copies, output.work)


def _check_numbered(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "n"])
    items = check_expression(arguments["input"], f"{place}.input", scope)
    checked = {"input": items.value, "n": _number(arguments["n"], f"{place}.n")}
    return CheckedExpression(checked, items.copies, items.work)


def _number(value: Any, place: str) -> int:
    if type(value) is not int or not 0 < value <= MAX_KEPT:
        raise PipelineError(place, f"this must be a number from 1 to {MAX_KEPT}.")
    return value
