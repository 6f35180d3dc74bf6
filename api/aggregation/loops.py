"""The loops `$map`, `$filter` and `$reduce`: what they may read, and how long they may run.

A loop over a list of known length adds that many times its body to the work of the expression. One
over another list gets a guard, which measures its work when the list is there:

    {"$let": {"vars": {"λlist1": <input>}, "in":
     {"$let": {"vars": {"λlength1": <its length>}, "in":
      {"$map": {"input": <guarded "$$λlist1">, "as": …, "in": …}}}}}}

A client's variables have ASCII names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from api.aggregation.arguments import read_arguments
from api.aggregation.errors import PipelineError
from api.aggregation.expressions import check_expression
from api.aggregation.growth import FAN_OUT, Copies, add, scale
from api.aggregation.operators import COPYING, SPECIAL
from api.aggregation.scope import CheckedExpression, Rule, Scope, check_variable_name
from api.aggregation.work import (
    MAX_COPIED_BYTES,
    NO_WORK,
    OPERATOR_UNITS,
    Work,
    guarded,
    length_of,
    size_of_results,
    units_of,
    units_of_reads,
    work_of_guard,
)

_CHOICES = frozenset({"$arrayElemAt", "$first", "$ifNull", "$last", "$max", "$min"})
_GROWING = (COPYING | SPECIAL) - _CHOICES


def _map(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "in"], ["as"])
    loop = _Loop(arguments, place, scope)
    result = check_expression(arguments["in"], f"{place}.in", loop.inner)
    checked = {"as": loop.name, "in": result.value}
    return CheckedExpression(
        loop.running("$map", checked, result.work, result.size),
        _loop_copies(loop.items.copies, result.copies, loop.inner.item(loop.name)),
        loop.work(result.work),
        loop.size_of_results(result.size),
    )


def _filter(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "cond"], ["as", "limit"])
    loop = _Loop(arguments, place, scope)
    condition = check_expression(arguments["cond"], f"{place}.cond", loop.inner)
    checked = {"as": loop.name, "cond": condition.value}
    work = loop.work(condition.work)
    if "limit" in arguments:
        limit = check_expression(arguments["limit"], f"{place}.limit", scope)
        checked["limit"] = limit.value
        work += limit.work
    running = loop.running("$filter", checked, condition.work)
    return CheckedExpression(running, loop.items.copies, work, loop.items.size)


def _reduce(value: Any, place: str, scope: Scope) -> CheckedExpression:
    arguments = read_arguments(value, place, ["input", "initialValue", "in"])
    first = check_expression(arguments["initialValue"], f"{place}.initialValue", scope)
    loop = _Loop(arguments, place, scope, "value")
    result = check_expression(arguments["in"], f"{place}.in", loop.inner)
    so_far = loop.inner.item("value")
    if result.copies.get(so_far, 0) > (0 if scope.gathered else 1):
        raise PipelineError(
            f"{place}.in",
            "the result can hold $$value only once, or it would grow; after a stage that gathers"
            " lists it can only hold numbers made of it.",
        )
    others = {name: count for name, count in result.copies.items() if name != so_far}
    per_round = result.size.without("$$value")
    size = loop.size_of_results(per_round) + first.size
    body = result.work.without("$$value")
    touches = sum(result.work.of("$$value").values())
    so_far_size = _size_so_far(result, first, loop) if touches else None
    running = loop.running(
        "$reduce",
        {"initialValue": first.value, "in": result.value},
        body,
        per_round,
        [] if so_far_size is None else [{"$multiply": [touches, so_far_size]}],
    )
    work = loop.work(body) + first.work + size.times(touches * (loop.length or 0))
    copies = add([first.copies, _loop_copies(loop.items.copies, others, loop.inner.item("this"))])
    return CheckedExpression(running, copies, work, size)


def _size_so_far(result: CheckedExpression, first: CheckedExpression, loop: "_Loop") -> Any:
    """Return an expression for at most the size of `$$value` in any round of a `$reduce`."""
    per_round = result.size.without("$$value")
    if _grows(result.value):
        outer = per_round.without("$$this")
        grown = {"$multiply": [loop.length_variable, units_of(outer)]}
        items = units_of_reads(loop.in_list(per_round.of("$$this")))
        return {"$add": [units_of(first.size), grown, *items]}
    sizes = {"$map": {"input": loop.list_variable, "in": {"$bsonSize": {"v": "$$this"}}}}
    outer = per_round.without("$$this")
    return {"$add": [units_of(first.size), units_of(outer), {"$ifNull": [{"$max": sizes}, 0]}]}


def _grows(value: Any) -> bool:
    """Return whether the result of a round can hold all of `$$value` and more."""
    if isinstance(value, list):
        return any(_holds_value(item) for item in value)
    if not isinstance(value, dict) or not value:
        return False
    name, operand = next(iter(value.items()))
    if not name.startswith("$"):
        return any(item == "$$value" or _grows(item) for item in value.values())
    if name in _CHOICES:
        return any(map(_grows, operand if isinstance(operand, list) else [operand]))
    if name == "$cond":
        return _grows(operand["then"]) or _grows(operand["else"])
    return name in _GROWING and _holds_value(operand)


def _holds_value(value: Any) -> bool:
    if isinstance(value, str):
        return value == "$$value" or value.startswith("$$value.")
    if isinstance(value, dict):
        return any(map(_holds_value, value.values()))
    return isinstance(value, list) and any(map(_holds_value, value))


class _Loop:
    """A loop whose body is still to be checked, in the scope `inner`."""

    def __init__(
        self, arguments: Mapping[str, Any], place: str, scope: Scope, *more_variables: str
    ) -> None:
        self.name = arguments.get("as", "this")
        check_variable_name(self.name, place)
        self.variable = f"$${self.name}"
        self.items = check_expression(arguments["input"], f"{place}.input", scope)
        self.length = _known_length(self.items.value)
        number = scope.loops + 1
        self.list_variable = f"$$λlist{number}"
        self.length_variable = f"$$λlength{number}"
        rounds = self.length_variable if self.length is None else self.length
        self.inner = scope.enter_loop(place, rounds, self.name, *more_variables)
        self._place = place
        self._share = scope.share

    def work(self, body: Work) -> Work:
        """Return the work that is not left to the guard: all of it when the length is known."""
        if self.length is None:
            measured = Work(0.0, body.without(self.variable).reads)
            return self.items.work + work_of_guard(measured + self._touched_items(body))
        per_round = (body.without(self.variable) + Work(OPERATOR_UNITS)).times(self.length)
        return self.items.work + per_round + self._touched_items(body)

    def _touched_items(self, body: Work) -> Work:
        return self.items.size.times(sum(body.of(self.variable).values()))

    def in_list(self, reads: Mapping[str, float]) -> dict[str, float]:
        """Return reads of the loop's variable as reads of all items of the list together."""
        return {
            f"{self.list_variable}{name.removeprefix(self.variable)}": weight
            for name, weight in reads.items()
        }

    def size_of_results(self, per_round: Work) -> Work:
        """Return the size of the results of all rounds, for that of one."""
        return size_of_results(self.items.size, self.length, per_round, self.variable)

    def running(
        self,
        operator: str,
        arguments: Mapping[str, Any],
        body: Work,
        result: Work = NO_WORK,
        per_round: Sequence[Any] = (),
    ) -> Any:
        """Return the loop to run.

        `body` is the work of a round and `result` the size of what it adds to the results;
        `per_round` are more units of each round, as expressions.
        """
        if self.length is not None:
            return {operator: {"input": self.items.value, **arguments}}
        limits = [(self._units(body, per_round), self._share)]
        copied = units_of_reads(result.without(self.variable).reads)
        if copied:
            more = {"$subtract": [self.length_variable, FAN_OUT]}
            limits.append(({"$multiply": [more, {"$add": copied}]}, MAX_COPIED_BYTES))
        guard = guarded(self.list_variable, limits, self._place)
        loop = {operator: {"input": guard, **arguments}}
        length = {self.length_variable[2:]: length_of(self.list_variable)}
        return {
            "$let": {
                "vars": {self.list_variable[2:]: self.items.value},
                "in": {"$let": {"vars": length, "in": loop}},
            }
        }

    def _units(self, body: Work, per_round: Sequence[Any]) -> Any:
        """Return the expression of the work of all rounds, in all rounds of the loops around."""
        outer = body.without(self.variable) + Work(OPERATOR_UNITS)
        rounds = {"$multiply": [self.length_variable, {"$add": [units_of(outer), *per_round]}]}
        items = units_of_reads(self.in_list(body.of(self.variable)))
        return {"$multiply": [*self.inner.rounds[:-1], {"$add": [rounds, *items]}]}


def _known_length(items: Any) -> int | None:
    """Return the length of a list that the expression contains, None when it is computed."""
    if isinstance(items, list):
        return len(items)
    if isinstance(items, dict) and isinstance(items.get("$literal"), list):
        return len(items["$literal"])
    bounds = items.get("$range") if isinstance(items, dict) else None
    if isinstance(bounds, list) and all(type(bound) is int for bound in bounds):
        return len(range(*bounds))
    return None


def _loop_copies(items: Copies, per_round: Copies, item: str) -> Copies:
    """Return the copies in the results of all rounds of a loop.

    `items` are those in the list, `per_round` those in the result of one round, and `item` is the
    key of the loop's variable: all rounds together copy the list, while each round copies the rest.
    """
    others = {name: count for name, count in per_round.items() if name != item}
    return add([scale(items, per_round.get(item, 0)), scale(others, FAN_OUT)])


LOOP_RULES: Mapping[str, Rule] = {"$filter": _filter, "$map": _map, "$reduce": _reduce}
