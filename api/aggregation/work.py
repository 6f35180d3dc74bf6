"""How much work a pipeline makes within one document, and the guards that refuse too much of it.

MongoDB checks its time limit between documents. A loop within a loop over two lists of a thousand
items, or a loop that searches a long text in each round, can therefore run for minutes after the
limit. `Work` estimates what one evaluation of an expression costs: units that are known from the
expression itself, and a number of units for each byte of the values that it reads.

    {"$toUpper": "$a"}                               10 for the operator, 30 for the path, 1 a byte
    {"$map": {"input": [1, 2, 3], "in": <body>}}     three times the body
    {"$map": {"input": "$list", "in": <body>}}       unknown before the document is read: a guard

A unit is about ten nanoseconds. The work of a loop over a list of the document is its length times
the work of one round. So the loop that runs has a guard around its list, which computes this work
from the sizes of the values, and fails when it is above the loop's share of `MAX_UNITS`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.aggregation.growth import FAN_OUT
from models.database.collection import encoded_size

Reads = Mapping[str, float]

MAX_UNITS = 100_000_000
"""The most work of a pipeline within one document: about a second."""

MAX_SOUGHT_BYTES = 2**10
"""The longest text that can be sought in others, unless it is a constant."""

MAX_COPIED_BYTES = 2**18
"""How much the rounds of a loop may copy from outside of it, beyond `FAN_OUT` copies."""

OPERATOR_UNITS = 10.0
PATH_UNITS = 30.0
DEAR_UNITS = 100.0
"""The work of an operator besides that for its operands; of looking up a path; of a conversion."""

_DEAR = frozenset(
    {
        "$convert", "$dateAdd", "$dateDiff", "$dateFromParts", "$dateFromString", "$dateSubtract",
        "$dateToParts", "$dateToString", "$dateTrunc", "$toDate", "$toDouble", "$toInt", "$toLong",
        "$toString",
    }
)  # fmt: skip
_SORTING = frozenset(
    {
        "$maxN", "$minN", "$setDifference", "$setEquals", "$setIntersection", "$setIsSubset",
        "$setUnion", "$sortArray",
    }
)  # fmt: skip
_UNTOUCHED = frozenset(
    {
        "$arrayElemAt", "$cond", "$first", "$getField", "$ifNull", "$isArray", "$isNumber", "$last",
        "$let", "$size", "$switch", "$type",
    }
)  # fmt: skip
"""Operators that hand their operands on, or look only at their types."""

_QUICK = frozenset(
    {
        "$add", "$and", "$avg", "$cmp", "$concat", "$concatArrays", "$divide", "$eq", "$gt", "$gte",
        "$in", "$indexOfArray", "$lt", "$lte", "$max", "$min", "$mod", "$multiply", "$ne", "$not",
        "$or", "$strLenBytes", "$strLenCP", "$subtract", "$sum",
    }
)  # fmt: skip

_SORTING_FACTOR = 4.0
_QUICK_FACTOR = 0.2
_GUARD_FACTOR = 0.3  # for each byte that a guard measures
_GUARD_UNITS = 200.0
_ROOT_FACTOR = 0.25  # for each byte below the first name of a path: what lies on the way is read
_COMPARED_BYTES = 32.0  # in one unit
_MIN_ITEM_BYTES = 8  # of an item of a list: its type, its position, its value
_MARK = "this makes too much work in one document"
_MARKED = re.compile(rf"{_MARK}: (?P<place>[^']{{1,500}})'")


@dataclass(frozen=True, slots=True)
class Work:
    """A number of units, and of units for each byte of values, which expressions name."""

    units: float = 0.0
    reads: Reads = field(default_factory=dict)

    def __add__(self, other: "Work") -> "Work":
        reads = dict(self.reads)
        for name, weight in other.reads.items():
            reads[name] = reads.get(name, 0.0) + weight
        return Work(self.units + other.units, reads)

    def times(self, factor: float) -> "Work":
        """Return this many times the work."""
        return Work(
            self.units * factor, {name: weight * factor for name, weight in self.reads.items()}
        )

    def without(self, variable: str) -> "Work":
        """Return the work without what reads a variable, given as `$$name`."""
        others = {n: weight for n, weight in self.reads.items() if not _is_of(variable, n)}
        return Work(self.units, others)

    def of(self, variable: str) -> Reads:
        """Return what reads a variable: the variable itself or paths below it."""
        return {name: weight for name, weight in self.reads.items() if _is_of(variable, name)}

    def replaced(self, variable: str, by: "Work") -> "Work":
        """Return the work with `by`, the size of a variable's value, in place of the variable."""
        return self.without(variable) + by.times(sum(self.of(variable).values()))


NO_WORK = Work()


def total(parts: Iterable[Work]) -> Work:
    """Return the work of all parts."""
    return sum(parts, NO_WORK)


def _is_of(variable: str, name: str) -> bool:
    return name == variable or name.startswith(f"{variable}.")


def size_of_constant(value: Any) -> Work:
    """Return the size of a constant: its bytes in BSON."""
    return Work(float(encoded_size({"": value})))


def work_of_path(text: str) -> Work:
    """Return the work of reading a path, such as `$a.b` or `$$this.b`."""
    first, dot, _ = text.partition(".")
    return Work(PATH_UNITS, {first: _ROOT_FACTOR} if dot else {})


def work_of_operator(name: str, operands: Work) -> Work:
    """Return the work of an operator itself, for the size of all its operands together."""
    own = Work(DEAR_UNITS if name in _DEAR else OPERATOR_UNITS)
    if name in _UNTOUCHED:
        return own
    factor = _SORTING_FACTOR if name in _SORTING else _QUICK_FACTOR if name in _QUICK else 1.0
    return own + operands.times(factor)


def work_of_search(text: Work, sought: Any) -> Work:
    """Return the work of seeking a text in one of this size, besides that of going through it.

    `sought` is an expression; what is no constant has `MAX_SOUGHT_BYTES` at most.
    """
    is_constant = isinstance(sought, str) and not sought.startswith("$")
    length = len(sought.encode()) if is_constant else MAX_SOUGHT_BYTES
    return text.times(length / _COMPARED_BYTES)


def size_of_results(items: Work, length: int | None, per_round: Work, variable: str) -> Work:
    """Return the size of the results of all rounds of a loop over `items`, whose size that is.

    Without a known `length`, the guard of the loop sees to it that what each round copies from
    outside makes up `MAX_COPIED_BYTES` at most, or `FAN_OUT` copies.
    """
    rounds = per_round.without(variable)
    of_items = items.times(sum(per_round.of(variable).values()))
    if length is not None:
        return of_items + rounds.times(length)
    copied = Work(0.0, rounds.reads).times(FAN_OUT)
    if copied.reads:
        copied += Work(float(MAX_COPIED_BYTES))
    return of_items + items.times(rounds.units / _MIN_ITEM_BYTES) + copied


def work_of_guard(measured: Work) -> Work:
    """Return the work of a guard that measures what `measured` reads."""
    return Work(_GUARD_UNITS, dict.fromkeys(measured.reads, _GUARD_FACTOR))


def guarded(value: Any, limits: Sequence[tuple[Any, float]], place: str) -> Any:
    """Return an expression for `value` that fails when an expression is above its limit."""
    # No part of the branch that fails may be constant: MongoDB evaluates constants beforehand.
    nothing = {"$substrCP": [{"$type": "$_id"}, 0, 0]}
    failure = {"$toInt": {"$concat": [f"{_MARK}: {place[:500].replace(chr(39), '')}", nothing]}}
    conditions = [{"$lte": [measured, limit]} for measured, limit in limits]
    return {"$cond": [{"$and": conditions}, value, failure]}


def place_of_excess(message: str) -> str | None:
    """Return the place of the guard that made a pipeline fail with this message, if one did."""
    found = _MARKED.search(message)
    return None if found is None else found["place"]


def length_of(value: Any) -> Any:
    """Return the expression of a list's length; 0 for what is no list."""
    return {"$cond": [{"$isArray": [value]}, {"$size": value}, 0]}


def units_of(work: Work) -> Any:
    """Return the expression of the units of some work, measured on the values that it reads."""
    return {"$add": [work.units, *units_of_reads(work.reads)]}


def units_of_reads(reads: Reads) -> list[Any]:
    """Return an expression for the units of each value that is read."""
    return [{"$multiply": [weight, {"$bsonSize": {"v": name}}]} for name, weight in reads.items()]
