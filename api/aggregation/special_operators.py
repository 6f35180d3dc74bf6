"""The operators of expressions that have a rule of their own."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.expressions import check_expression, check_object
from api.aggregation.growth import FAN_OUT, NUMBERS, Copies, add, scale, union
from api.aggregation.operators import CONVERTED
from api.aggregation.patterns import check_options, check_pattern
from api.aggregation.scope import Checked, Rule, Scope
from api.aggregation.values import read_value

MOST_NUMBERS = 500
_VARIABLE = re.compile(r"[a-z][A-Za-z0-9_]{0,100}")


def arguments(
    value: Any, place: str, needed: Collection[str], others: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return named arguments; PipelineError when one is missing or unknown."""
    if not isinstance(value, dict):
        raise PipelineError(place, f"this is an object with {', '.join(needed)}.")
    for name in value:
        if name not in needed and name not in others:
            raise not_allowed(place, "name here", name, [*needed, *others])
    missing = [name for name in needed if name not in value]
    if missing:
        raise PipelineError(place, f"{missing[0]} is missing.")
    return value


def check_order(value: Any, place: str) -> Any:
    """Return the order of a `$sort`: fields, each with 1 or -1."""
    is_order = isinstance(value, dict) and value and all(_is_direction(v) for v in value.values())
    if not is_order:
        raise PipelineError(place, "this is an object of fields, each with 1 or -1.")
    return read_value(value, place)


def _is_direction(value: Any) -> bool:
    return type(value) in (int, float) and value in (1, -1)


def _cond(value: Any, place: str, scope: Scope) -> Checked:
    names = ("if", "then", "else")
    if isinstance(value, list):
        if len(value) != len(names):
            raise PipelineError(place, "this is a list of three, or an object of if, then, else.")
        value = dict(zip(names, value, strict=True))
    given = arguments(value, place, names)
    parts = {name: check_expression(given[name], f"{place}.{name}", scope) for name in names}
    return Checked(
        {name: part.value for name, part in parts.items()},
        union([parts["then"].copies, parts["else"].copies]),
    )


def _switch(value: Any, place: str, scope: Scope) -> Checked:
    given = arguments(value, place, ["branches"], ["default"])
    if not isinstance(given["branches"], list):
        raise PipelineError(place, "branches is a list.")
    branches, results = [], []
    for i, branch in enumerate(given["branches"]):
        inner = f"{place}.branches[{i}]"
        arguments(branch, inner, ["case", "then"])
        case = check_expression(branch["case"], f"{inner}.case", scope)
        then = check_expression(branch["then"], f"{inner}.then", scope)
        branches.append({"case": case.value, "then": then.value})
        results.append(then.copies)
    checked: dict[str, Any] = {"branches": branches}
    if "default" in given:
        default = check_expression(given["default"], f"{place}.default", scope)
        checked["default"] = default.value
        results.append(default.copies)
    return Checked(checked, union(results))


def _if_null(value: Any, place: str, scope: Scope) -> Checked:
    if not isinstance(value, list):
        raise PipelineError(place, "this is a list.")
    items = [check_expression(item, f"{place}[{i}]", scope) for i, item in enumerate(value)]
    return Checked([item.value for item in items], union(item.copies for item in items))


def _let(value: Any, place: str, scope: Scope) -> Checked:
    given = arguments(value, place, ["vars", "in"])
    if not isinstance(given["vars"], dict):
        raise PipelineError(place, "vars is an object.")
    for name in given["vars"]:
        _check_variable_name(name, f"{place}.vars")
    bound = {
        name: check_expression(item, f"{place}.vars.{name}", scope)
        for name, item in given["vars"].items()
    }
    inner = scope.bind({name: item.copies for name, item in bound.items()})
    result = check_expression(given["in"], f"{place}.in", inner)
    variables = {name: item.value for name, item in bound.items()}
    return Checked({"vars": variables, "in": result.value}, result.copies)


def _map(value: Any, place: str, scope: Scope) -> Checked:
    given = arguments(value, place, ["input", "in"], ["as"])
    items, name, inner = _loop(given, place, scope)
    result = check_expression(given["in"], f"{place}.in", inner)
    checked = {"input": items.value, "as": name, "in": result.value}
    return Checked(checked, _gathered(items.copies, result.copies, inner.item(name)))


def _filter(value: Any, place: str, scope: Scope) -> Checked:
    given = arguments(value, place, ["input", "cond"], ["as", "limit"])
    items, name, inner = _loop(given, place, scope)
    condition = check_expression(given["cond"], f"{place}.cond", inner)
    checked = {"input": items.value, "as": name, "cond": condition.value}
    if "limit" in given:
        checked["limit"] = check_expression(given["limit"], f"{place}.limit", scope).value
    return Checked(checked, items.copies)


def _reduce(value: Any, place: str, scope: Scope) -> Checked:
    given = arguments(value, place, ["input", "initialValue", "in"])
    items = check_expression(given["input"], f"{place}.input", scope)
    first = check_expression(given["initialValue"], f"{place}.initialValue", scope)
    inner = scope.enter_loop(place, "this", "value")
    result = check_expression(given["in"], f"{place}.in", inner)
    value_so_far = inner.item("value")
    if result.copies.get(value_so_far, 0) > (0 if scope.gathered else 1):
        raise PipelineError(
            f"{place}.in",
            "the result can hold $$value only once, and behind a stage that gathers lists only"
            " numbers made of it: it would grow.",
        )
    others = {name: count for name, count in result.copies.items() if name != value_so_far}
    return Checked(
        {"input": items.value, "initialValue": first.value, "in": result.value},
        add([first.copies, _gathered(items.copies, others, inner.item("this"))]),
    )


def _loop(given: Mapping[str, Any], place: str, scope: Scope) -> tuple[Checked, str, Scope]:
    """Return what a loop goes through, the name of its variable, and the scope inside it."""
    name = given.get("as", "this")
    _check_variable_name(name, place)
    items = check_expression(given["input"], f"{place}.input", scope)
    return items, name, scope.enter_loop(place, name)


def _gathered(items: Copies, in_each_round: Copies, item: str) -> Copies:
    """Return the copies in what all rounds of a loop give; `item` stands for what it goes over."""
    others = {name: count for name, count in in_each_round.items() if name != item}
    return add([scale(items, in_each_round.get(item, 0)), scale(others, FAN_OUT)])


def _check_variable_name(name: Any, place: str) -> None:
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise PipelineError(place, "a variable is a lower-case letter, then letters and digits.")


_RANGE: Copies = {NUMBERS: 1}


def _range(value: Any, place: str, scope: Scope) -> Checked:
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise PipelineError(place, "this is [start, end] or [start, end, step].")
    start, end, step = (*value, 1)[:3]
    if not all(type(number) is int and abs(number) < 2**31 for number in (start, step)) or not step:
        raise PipelineError(place, "start and step are whole numbers; step is not 0.")
    if isinstance(end, dict) and set(end) == {"$size"} and start >= 0 < step:
        size = check_expression(end["$size"], f"{place}[1].$size", scope)
        return Checked([start, {"$size": size.value}, step], add([size.copies, _RANGE]))
    if type(end) is not int or len(range(start, end, step)) > MOST_NUMBERS:
        raise PipelineError(
            place, f"end is a number that gives {MOST_NUMBERS} numbers at most, or a $size."
        )
    return Checked([start, end, step], _RANGE)


def _literal(value: Any, place: str, _scope: Scope) -> Checked:
    return Checked(read_value(value, place))


def _get_field(value: Any, place: str, scope: Scope) -> Checked:
    """Return the reading of a field whose name is constant: older servers take no other."""
    if isinstance(value, str):
        value = {"field": value}
    given = arguments(value, place, ["field"], ["input"])
    name = given["field"]
    if isinstance(name, dict) and isinstance(name.get("$literal"), str) and len(name) == 1:
        name = {"$literal": name["$literal"]}
    elif not isinstance(name, str) or name.startswith("$"):
        raise PipelineError(f"{place}.field", 'this is a text; one with $ is {"$literal": "…"}.')
    items = check_expression(given.get("input", "$$CURRENT"), f"{place}.input", scope)
    return Checked({"field": name, "input": items.value}, items.copies)


def _regex_match(value: Any, place: str, scope: Scope) -> Checked:
    given = arguments(value, place, ["input", "regex"], ["options"])
    checked = {
        "input": check_expression(given["input"], f"{place}.input", scope).value,
        "regex": check_pattern(given["regex"], f"{place}.regex"),
    }
    if "options" in given:
        checked["options"] = check_options(given["options"], f"{place}.options")
    return Checked(checked)


def _replace_all(value: Any, place: str, scope: Scope) -> Checked:
    given = check_object(arguments(value, place, ["input", "find", "replacement"]), place, scope)
    return Checked(given.value, scale(given.copies, FAN_OUT))


def _sort_array(value: Any, place: str, scope: Scope) -> Checked:
    given = arguments(value, place, ["input", "sortBy"])
    items = check_expression(given["input"], f"{place}.input", scope)
    order = given["sortBy"]
    if not _is_direction(order):
        order = check_order(order, f"{place}.sortBy")
    return Checked({"input": items.value, "sortBy": order}, items.copies)


def _convert(value: Any, place: str, scope: Scope) -> Checked:
    given = arguments(value, place, ["input", "to"], ["onError", "onNull"])
    if not isinstance(given["to"], str) or given["to"] not in CONVERTED:
        raise not_allowed(f"{place}.to", "type", str(given["to"]), CONVERTED)
    return check_object(given, place, scope)


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
"""The scope of an expression that is in no loop: it reads the fields of the document."""
