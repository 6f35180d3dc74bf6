"""The rules for operators of expressions whose arguments need special checks."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.expressions import check_expression, check_object
from api.aggregation.growth import FAN_OUT, NUMBERS, Copies, add, scale, union
from api.aggregation.operators import CONVERSION_TARGETS
from api.aggregation.patterns import check_options, check_pattern
from api.aggregation.scope import CheckedExpression, Rule, Scope
from api.aggregation.values import read_value

MAX_NUMBERS = 500
"""How many numbers `$range` may make, unless its end is the size of a list."""

_VARIABLE = re.compile(r"[a-z][A-Za-z0-9_]{0,100}")


def read_arguments(
    value: Any, place: str, required: Collection[str], optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return named arguments; PipelineError when one is missing or unknown."""
    if not isinstance(value, dict):
        raise PipelineError(place, f"this must be an object with {', '.join(required)}.")
    for name in value:
        if name not in required and name not in optional:
            raise not_allowed(place, "argument", name, [*required, *optional])
    missing = [name for name in required if name not in value]
    if missing:
        raise PipelineError(place, f"{missing[0]} is missing.")
    return value


def check_order(value: Any, place: str) -> Any:
    """Return the order of a `$sort`: fields, each with 1 or -1."""
    is_order = isinstance(value, dict) and value and all(_is_direction(v) for v in value.values())
    if not is_order:
        raise PipelineError(place, "this must be an object of fields, each with 1 or -1.")
    return read_value(value, place)


def _is_direction(value: Any) -> bool:
    return type(value) in (int, float) and value in (1, -1)


def _cond(value: Any, place: str, scope: Scope) -> CheckedExpression:
    names = ("if", "then", "else")
    if isinstance(value, list):
        if len(value) != len(names):
            raise PipelineError(
                place, "this must be a list of three, or an object of if, then, else."
            )
        value = dict(zip(names, value, strict=True))
    arguments = read_arguments(value, place, names)
    parts = {name: check_expression(arguments[name], f"{place}.{name}", scope) for name in names}
    return CheckedExpression(
        {name: part.value for name, part in parts.items()},
        union([parts["then"].copies, parts["else"].copies]),
    )


def _switch(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["branches"], ["default"])
    if not isinstance(arguments["branches"], list):
        raise PipelineError(place, "branches must be a list.")
    branches, results = [], []
    for i, branch in enumerate(arguments["branches"]):
        inner = f"{place}.branches[{i}]"
        read_arguments(branch, inner, ["case", "then"])
        case = check_expression(branch["case"], f"{inner}.case", scope)
        then = check_expression(branch["then"], f"{inner}.then", scope)
        branches.append({"case": case.value, "then": then.value})
        results.append(then.copies)
    checked: dict[str, Any] = {"branches": branches}
    if "default" in arguments:
        default = check_expression(arguments["default"], f"{place}.default", scope)
        checked["default"] = default.value
        results.append(default.copies)
    return CheckedExpression(checked, union(results))


def _if_null(value: Any, place: str, scope: Scope) -> CheckedExpression:
    if not isinstance(value, list):
        raise PipelineError(place, "this must be a list.")
    items = [check_expression(item, f"{place}[{i}]", scope) for i, item in enumerate(value)]
    return CheckedExpression([item.value for item in items], union(item.copies for item in items))


def _let(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["vars", "in"])
    if not isinstance(arguments["vars"], dict):
        raise PipelineError(place, "vars must be an object.")
    for name in arguments["vars"]:
        _check_variable_name(name, f"{place}.vars")
    bound = {
        name: check_expression(item, f"{place}.vars.{name}", scope)
        for name, item in arguments["vars"].items()
    }
    inner = scope.bind({name: item.copies for name, item in bound.items()})
    result = check_expression(arguments["in"], f"{place}.in", inner)
    variables = {name: item.value for name, item in bound.items()}
    return CheckedExpression({"vars": variables, "in": result.value}, result.copies)


def _map(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "in"], ["as"])
    items, name, inner = _loop(arguments, place, scope)
    result = check_expression(arguments["in"], f"{place}.in", inner)
    checked = {"input": items.value, "as": name, "in": result.value}
    return CheckedExpression(checked, _loop_copies(items.copies, result.copies, inner.item(name)))


def _filter(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "cond"], ["as", "limit"])
    items, name, inner = _loop(arguments, place, scope)
    condition = check_expression(arguments["cond"], f"{place}.cond", inner)
    checked = {"input": items.value, "as": name, "cond": condition.value}
    if "limit" in arguments:
        checked["limit"] = check_expression(arguments["limit"], f"{place}.limit", scope).value
    return CheckedExpression(checked, items.copies)


def _reduce(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "initialValue", "in"])
    items = check_expression(arguments["input"], f"{place}.input", scope)
    first = check_expression(arguments["initialValue"], f"{place}.initialValue", scope)
    inner = scope.enter_loop(place, "this", "value")
    result = check_expression(arguments["in"], f"{place}.in", inner)
    value_so_far = inner.item("value")
    if result.copies.get(value_so_far, 0) > (0 if scope.gathered else 1):
        raise PipelineError(
            f"{place}.in",
            "the result can hold $$value only once, or it would grow; after a stage that gathers"
            " lists it can only hold numbers made of it.",
        )
    others = {name: count for name, count in result.copies.items() if name != value_so_far}
    return CheckedExpression(
        {"input": items.value, "initialValue": first.value, "in": result.value},
        add([first.copies, _loop_copies(items.copies, others, inner.item("this"))]),
    )


def _loop(
    arguments: Mapping[str, Any], place: str, scope: Scope
) -> tuple[CheckedExpression, str, Scope]:
    """Return the list that a loop iterates over, the name of its variable, and its inner scope."""
    name = arguments.get("as", "this")
    _check_variable_name(name, place)
    items = check_expression(arguments["input"], f"{place}.input", scope)
    return items, name, scope.enter_loop(place, name)


def _loop_copies(items: Copies, per_round: Copies, item: str) -> Copies:
    """Return the copies in the results of all rounds of a loop.

    `items` are those in the list, `per_round` those in the result of one round, and `item` is the
    key of the loop's variable: all rounds together copy the list, while each round copies the rest.
    """
    others = {name: count for name, count in per_round.items() if name != item}
    return add([scale(items, per_round.get(item, 0)), scale(others, FAN_OUT)])


def _check_variable_name(name: Any, place: str) -> None:
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise PipelineError(
            place, "the name of a variable is a lower-case letter, then letters, digits and _."
        )


_RANGE: Copies = {NUMBERS: 1}


def _range(value: Any, place: str, scope: Scope) -> CheckedExpression:
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise PipelineError(place, "this must be [start, end] or [start, end, step].")
    start, end, step = (*value, 1)[:3]
    if not all(type(number) is int and abs(number) < 2**31 for number in (start, step)) or not step:
        raise PipelineError(place, "start and step must be whole numbers, and step not 0.")
    if isinstance(end, dict) and set(end) == {"$size"} and start >= 0 < step:
        size = check_expression(end["$size"], f"{place}[1].$size", scope)
        return CheckedExpression([start, {"$size": size.value}, step], add([size.copies, _RANGE]))
    if type(end) is not int or len(range(start, end, step)) > MAX_NUMBERS:
        raise PipelineError(
            place, f"end must be a $size, or a number that makes {MAX_NUMBERS} numbers at most."
        )
    return CheckedExpression([start, end, step], _RANGE)


def _literal(value: Any, place: str, _scope: Scope) -> CheckedExpression:
    return CheckedExpression(read_value(value, place))


def _get_field(value: Any, place: str, scope: Scope) -> CheckedExpression:
    """Return a `$getField` whose field name is a constant: older servers accept no other."""
    if isinstance(value, str):
        value = {"field": value}
    arguments = read_arguments(value, place, ["field"], ["input"])
    name = arguments["field"]
    if isinstance(name, dict) and isinstance(name.get("$literal"), str) and len(name) == 1:
        name = {"$literal": name["$literal"]}
    elif not isinstance(name, str) or name.startswith("$"):
        raise PipelineError(
            f"{place}.field", 'this must be a text; one with $ is {"$literal": "…"}.'
        )
    items = check_expression(arguments.get("input", "$$CURRENT"), f"{place}.input", scope)
    return CheckedExpression({"field": name, "input": items.value}, items.copies)


def _regex_match(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "regex"], ["options"])
    checked = {
        "input": check_expression(arguments["input"], f"{place}.input", scope).value,
        "regex": check_pattern(arguments["regex"], f"{place}.regex"),
    }
    if "options" in arguments:
        checked["options"] = check_options(arguments["options"], f"{place}.options")
    return CheckedExpression(checked)


def _replace_all(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "find", "replacement"])
    checked = check_object(arguments, place, scope)
    return CheckedExpression(checked.value, scale(checked.copies, FAN_OUT))


def _sort_array(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "sortBy"])
    items = check_expression(arguments["input"], f"{place}.input", scope)
    order = arguments["sortBy"]
    if not _is_direction(order):
        order = check_order(order, f"{place}.sortBy")
    return CheckedExpression({"input": items.value, "sortBy": order}, items.copies)


def _convert(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "to"], ["onError", "onNull"])
    if not isinstance(arguments["to"], str) or arguments["to"] not in CONVERSION_TARGETS:
        raise not_allowed(f"{place}.to", "type", str(arguments["to"]), CONVERSION_TARGETS)
    return check_object(arguments, place, scope)


RULES: Mapping[str, Rule] = {
    "$cond": _cond,
    "$convert": _convert,
    "$filter": _filter,
    "$getField": _get_field,
    "$ifNull": _if_null,
    "$let": _let,
    "$literal": _literal,
    "$map": _map,
    "$range": _range,
    "$reduce": _reduce,
    "$regexMatch": _regex_match,
    "$replaceAll": _replace_all,
    "$sortArray": _sort_array,
    "$switch": _switch,
}

TOP_LEVEL = Scope(RULES)
"""The scope outside all loops: an expression reads the fields of the document."""
