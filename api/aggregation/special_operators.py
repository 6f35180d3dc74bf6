"""The rules for operators of expressions whose arguments need special checks."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.aggregation.arguments import check_order, is_direction, read_arguments
from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.expressions import check_expression, check_object
from api.aggregation.growth import FAN_OUT, NONE, NUMBERS, Copies, add, scale, union
from api.aggregation.loops import LOOP_RULES
from api.aggregation.operators import CONVERSION_TARGETS
from api.aggregation.patterns import check_options, check_pattern
from api.aggregation.scope import CheckedExpression, Rule, Scope, check_variable_name
from api.aggregation.values import read_value
from api.aggregation.work import (
    MAX_SOUGHT_BYTES,
    NO_WORK,
    Work,
    guarded,
    size_of_constant,
    total,
    work_of_operator,
    work_of_search,
)

MAX_NUMBERS = 500
"""How many numbers `$range` may make, unless its end is the size of a list."""

_BLANKS = " \t\n\v\f\r"
_MAX_TRIMMED = 64
_TRIMMED_UNITS = 0.3  # for each character of a text and each of those that are trimmed

_NUMBER_BYTES = 8.0
_NUMBER = Work(_NUMBER_BYTES)


def _operator(
    name: str,
    operand: Any,
    copies: Copies,
    parts: Sequence[CheckedExpression],
    size: Work,
    more_work: Work = NO_WORK,
) -> CheckedExpression:
    """Return an operator with its operand; `parts` are the expressions that the operand has."""
    own = work_of_operator(name, total(part.size for part in parts)) + more_work
    return CheckedExpression({name: operand}, copies, total(p.work for p in parts) + own, size)


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
    results = [parts["then"], parts["else"]]
    return _operator(
        "$cond",
        {name: part.value for name, part in parts.items()},
        union(result.copies for result in results),
        [*parts.values()],
        total(result.size for result in results),
    )


def _switch(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["branches"], ["default"])
    if not isinstance(arguments["branches"], list):
        raise PipelineError(place, "branches must be a list.")
    branches, cases, results = [], [], []
    for i, branch in enumerate(arguments["branches"]):
        inner = f"{place}.branches[{i}]"
        read_arguments(branch, inner, ["case", "then"])
        case = check_expression(branch["case"], f"{inner}.case", scope)
        then = check_expression(branch["then"], f"{inner}.then", scope)
        branches.append({"case": case.value, "then": then.value})
        cases.append(case)
        results.append(then)
    checked: dict[str, Any] = {"branches": branches}
    if "default" in arguments:
        results.append(check_expression(arguments["default"], f"{place}.default", scope))
        checked["default"] = results[-1].value
    copies = union(result.copies for result in results)
    return _operator(
        "$switch", checked, copies, [*cases, *results], total(result.size for result in results)
    )


def _if_null(value: Any, place: str, scope: Scope) -> CheckedExpression:
    if not isinstance(value, list):
        raise PipelineError(place, "this must be a list.")
    items = [check_expression(item, f"{place}[{i}]", scope) for i, item in enumerate(value)]
    copies = union(item.copies for item in items)
    size = total(item.size for item in items)
    return _operator("$ifNull", [item.value for item in items], copies, items, size)


def _let(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["vars", "in"])
    if not isinstance(arguments["vars"], dict):
        raise PipelineError(place, "vars must be an object.")
    for name in arguments["vars"]:
        check_variable_name(name, f"{place}.vars")
    bound = {
        name: check_expression(item, f"{place}.vars.{name}", scope)
        for name, item in arguments["vars"].items()
    }
    inner = scope.bind({name: item.copies for name, item in bound.items()})
    result = check_expression(arguments["in"], f"{place}.in", inner)
    variables = {name: item.value for name, item in bound.items()}
    work, size = _outside(result.work, bound), _outside(result.size, bound)
    return CheckedExpression(
        {"$let": {"vars": variables, "in": result.value}},
        result.copies,
        total(item.work for item in bound.values()) + work,
        size,
    )


def _outside(inside: Work, bound: Mapping[str, CheckedExpression]) -> Work:
    """Return work with the sizes of the values in place of the variables that a `$let` binds."""
    variables = {f"$${name}": item.size for name, item in bound.items()}
    own = [size.times(sum(inside.of(name).values())) for name, size in variables.items()]
    for name in variables:
        inside = inside.without(name)
    return total([inside, *own])


_RANGE: Copies = {NUMBERS: 1}


def _range(value: Any, place: str, scope: Scope) -> CheckedExpression:
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise PipelineError(place, "this must be [start, end] or [start, end, step].")
    start, end, step = (*value, 1)[:3]
    if not all(type(number) is int and abs(number) < 2**31 for number in (start, step)) or not step:
        raise PipelineError(place, "start and step must be whole numbers, and step not 0.")
    if isinstance(end, dict) and set(end) == {"$size"} and start >= 0 < step:
        size = check_expression(end["$size"], f"{place}[1].$size", scope)
        operand = [start, {"$size": size.value}, step]
        copies = add([size.copies, _RANGE])
        return _operator("$range", operand, copies, [size], size.size)
    if type(end) is not int or len(range(start, end, step)) > MAX_NUMBERS:
        raise PipelineError(
            place, f"end must be a $size, or a number that makes {MAX_NUMBERS} numbers at most."
        )
    numbers = CheckedExpression(None, size=Work(_NUMBER_BYTES * len(range(start, end, step))))
    return _operator("$range", [start, end, step], _RANGE, [numbers], numbers.size)


def _literal(value: Any, place: str, _scope: Scope) -> CheckedExpression:
    constant = read_value(value, place)
    return CheckedExpression({"$literal": constant}, size=size_of_constant(constant))


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
    operand = {"field": name, "input": items.value}
    return _operator("$getField", operand, items.copies, [items], items.size)


def _regex_match(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "regex"], ["options"])
    text = check_expression(arguments["input"], f"{place}.input", scope)
    checked = {"input": text.value, "regex": check_pattern(arguments["regex"], f"{place}.regex")}
    if "options" in arguments:
        checked["options"] = check_options(arguments["options"], f"{place}.options")
    return _operator("$regexMatch", checked, {}, [text], Work(_NUMBER_BYTES))


def _search(name: str) -> Rule:
    """Return the rule of an operator whose arguments are a text, what is sought in it, and more."""

    def rule(value: Any, place: str, scope: Scope) -> CheckedExpression:
        if not isinstance(value, list) or not 2 <= len(value) <= 4:
            raise PipelineError(place, "this must be a list of a text and of what to seek in it.")
        parts = [check_expression(item, f"{place}[{i}]", scope) for i, item in enumerate(value)]
        text, sought = parts[:2]
        operand = [part.value for part in parts]
        operand[1] = _bounded_sought(sought.value, f"{place}[1]")
        searched = work_of_search(text.size, sought.value)
        if name != "$split":
            return _operator(name, operand, NONE, parts, _NUMBER, searched)
        pieces = text.size.times(_NUMBER_BYTES) + _NUMBER
        return _operator(name, operand, text.copies, parts, pieces, searched)

    return rule


def _replace_one(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "find", "replacement"])
    checked = check_object(arguments, place, scope)
    find = check_expression(arguments["find"], f"{place}.find", scope)
    operand = checked.value | {"find": _bounded_sought(find.value, f"{place}.find")}
    searched = work_of_search(checked.size, find.value)
    return _operator("$replaceOne", operand, checked.copies, [checked], checked.size, searched)


def _bounded_sought(value: Any, place: str) -> Any:
    """Return the expression of what is sought, which fails when it is long.

    MongoDB compares it with the text at every position.
    """
    if isinstance(value, str) and not value.startswith("$"):
        return value
    length = {"$bsonSize": {"v": "$$λsought"}}
    guard = guarded("$$λsought", [(length, MAX_SOUGHT_BYTES)], place)
    return {"$let": {"vars": {"λsought": value}, "in": guard}}


def _replace_all(value: Any, place: str, scope: Scope) -> CheckedExpression:
    """Return a `$replaceAll` whose result can be `FAN_OUT` times as long as the text at most."""
    arguments = read_arguments(value, place, ["input", "find", "replacement"])
    find, replacement = arguments["find"], arguments["replacement"]
    for name in ("find", "replacement"):
        if not isinstance(arguments[name], str) or arguments[name].startswith("$"):
            raise PipelineError(f"{place}.{name}", "this must be a text, not an expression.")
    if not find or len(replacement.encode()) > FAN_OUT * len(find.encode()):
        raise PipelineError(
            place,
            f"find must be a text of at least a character, and replacement at most {FAN_OUT} times"
            " as long.",
        )
    checked = check_object(arguments, place, scope)
    return _operator(
        "$replaceAll",
        checked.value,
        scale(checked.copies, FAN_OUT),
        [checked],
        checked.size.times(FAN_OUT),
        work_of_search(checked.size, find),
    )


def _trim(name: str) -> Rule:
    """Return the rule of an operator that compares each character of a text with each of others."""

    def rule(value: Any, place: str, scope: Scope) -> CheckedExpression:
        arguments = read_arguments(value, place, ["input"], ["chars"])
        chars = arguments.get("chars", _BLANKS)
        if not isinstance(chars, str) or chars.startswith("$") or len(chars) > _MAX_TRIMMED:
            raise PipelineError(
                f"{place}.chars",
                f"this must be a text of {_MAX_TRIMMED} characters at most, not an expression.",
            )
        text = check_expression(arguments["input"], f"{place}.input", scope)
        operand = {**arguments, "input": text.value}
        compared = text.size.times(_TRIMMED_UNITS * len(chars))
        return _operator(name, operand, text.copies, [text], text.size, compared)

    return rule


def _zip(value: Any, place: str, scope: Scope) -> CheckedExpression:
    """Return a `$zip`, whose result has an item of every list for each item of the longest."""
    arguments = read_arguments(value, place, ["inputs"], ["defaults", "useLongestLength"])
    inputs = arguments["inputs"]
    if not isinstance(inputs, list) or len(inputs) > FAN_OUT:
        raise PipelineError(f"{place}.inputs", f"this must be a list of {FAN_OUT} lists at most.")
    checked = check_object(arguments, place, scope)
    number = max(1, len(inputs))
    size = checked.size.times(number)
    return _operator("$zip", checked.value, scale(checked.copies, number), [checked], size, size)


def _sort_array(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "sortBy"])
    items = check_expression(arguments["input"], f"{place}.input", scope)
    order = arguments["sortBy"]
    if not is_direction(order):
        order = check_order(order, f"{place}.sortBy")
    operand = {"input": items.value, "sortBy": order}
    return _operator("$sortArray", operand, items.copies, [items], items.size)


def _convert(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "to"], ["onError", "onNull"])
    if not isinstance(arguments["to"], str) or arguments["to"] not in CONVERSION_TARGETS:
        raise not_allowed(f"{place}.to", "type", str(arguments["to"]), CONVERSION_TARGETS)
    checked = check_object(arguments, place, scope)
    return _operator("$convert", checked.value, checked.copies, [checked], checked.size)


RULES: Mapping[str, Rule] = {
    "$cond": _cond,
    "$convert": _convert,
    "$getField": _get_field,
    "$ifNull": _if_null,
    "$let": _let,
    "$literal": _literal,
    "$indexOfBytes": _search("$indexOfBytes"),
    "$indexOfCP": _search("$indexOfCP"),
    "$range": _range,
    "$regexMatch": _regex_match,
    "$replaceAll": _replace_all,
    "$replaceOne": _replace_one,
    "$sortArray": _sort_array,
    "$split": _search("$split"),
    "$switch": _switch,
    "$ltrim": _trim("$ltrim"),
    "$rtrim": _trim("$rtrim"),
    "$trim": _trim("$trim"),
    "$zip": _zip,
    **LOOP_RULES,
}

TOP_LEVEL = Scope(RULES)
"""The scope outside all loops: an expression reads the fields of the document."""
