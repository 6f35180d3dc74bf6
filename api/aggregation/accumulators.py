"""The accumulators of `$group` and of buckets, checked against the allow-list."""

from collections.abc import Mapping
from typing import Any

from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.expressions import check_expression
from api.aggregation.growth import NONE, add
from api.aggregation.operators import ACCUMULATORS, MEASURING_ACCUMULATORS
from api.aggregation.scope import Checked, Scope
from api.aggregation.special_operators import arguments, check_order
from api.aggregation.values import check_name

MOST_KEPT = 1000
_SORTED = {"$bottom": (), "$bottomN": ("n",), "$top": (), "$topN": ("n",)}
_NUMBERED = frozenset({"$firstN", "$lastN", "$maxN", "$minN"})


def check_accumulators(value: Mapping[str, Any], place: str, scope: Scope) -> Checked:
    """Return fields that are gathered over many documents, each by one accumulator."""
    checked: dict[str, Checked] = {}
    for name, item in value.items():
        check_name(name, place)
        checked[name] = _check(item, f"{place}.{name}", scope)
    return Checked(
        {name: item.value for name, item in checked.items()},
        add(item.copies for item in checked.values()),
    )


def _check(value: Any, place: str, scope: Scope) -> Checked:
    if not isinstance(value, dict) or len(value) != 1:
        raise PipelineError(place, "this is an object with one accumulator.")
    ((name, content),) = value.items()
    inner = f"{place}.{name[:100]}"
    if name not in ACCUMULATORS:
        raise not_allowed(inner, "accumulator", name, ACCUMULATORS)
    if name == "$count" and content != {}:
        raise PipelineError(inner, "this is an empty object.")
    if name in _SORTED:
        checked = _check_sorted(content, inner, scope, _SORTED[name])
    elif name in _NUMBERED:
        checked = _check_numbered(content, inner, scope)
    else:
        checked = check_expression(content, inner, scope)
    return Checked(
        {name: checked.value}, NONE if name in MEASURING_ACCUMULATORS else checked.copies
    )


def _check_sorted(value: Any, place: str, scope: Scope, others: tuple[str, ...]) -> Checked:
    given = arguments(value, place, ["output", "sortBy", *others])
    output = check_expression(given["output"], f"{place}.output", scope)
    checked = {"output": output.value, "sortBy": check_order(given["sortBy"], f"{place}.sortBy")}
    if "n" in given:
        checked["n"] = _number(given["n"], f"{place}.n")
    return Checked(checked, output.copies)


def _check_numbered(value: Any, place: str, scope: Scope) -> Checked:
    given = arguments(value, place, ["input", "n"])
    items = check_expression(given["input"], f"{place}.input", scope)
    return Checked({"input": items.value, "n": _number(given["n"], f"{place}.n")}, items.copies)


def _number(value: Any, place: str) -> int:
    if type(value) is not int or not 0 < value <= MOST_KEPT:
        raise PipelineError(place, f"this is a number from 1 to {MOST_KEPT}.")
    return value
