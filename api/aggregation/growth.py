"""How large a document can become: how often its parts occur in the result of a pipeline.

MongoDB checks the time between documents, and the size when a document leaves the server. A
pipeline that doubles a list twenty times within one document can therefore take all memory or run
for days. `Copies` counts, for each field, how often it occurs in a result; the counts of several
parts add up. `WHOLE` is the key for the whole document, `NUMBERS` for the numbers that `$range`
makes from nothing.

    ["$a", "$a", "$b"]                                {"a": 2, "b": 1}
    {"$cond": ["$x", ["$a", "$a"], "$b"]}             {"a": 2, "b": 1}, only one of the branches
    {"$size": "$a"}                                   {}, a number is small
    {"$map": {"input": "$a", "in": ["$$this", "$b"]}} {"a": 1, "b": FAN_OUT}
"""

from collections import Counter
from collections.abc import Iterable, Mapping

Copies = Mapping[str, int]

WHOLE = "$$ROOT"
NUMBERS = "$range"
FAN_OUT = 16
"""The factor assumed for a value from outside a loop that the loop copies in each round."""
MAX_COPIES = 64
"""The largest factor that a pipeline may have: one loop that copies, but not two."""

NONE: Copies = {}


def add(parts: Iterable[Copies]) -> Copies:
    """Return the copies in a result that holds all parts."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def union(parts: Iterable[Copies]) -> Copies:
    """Return the copies in a result that is any one of the parts: for each field the maximum."""
    highest: Counter[str] = Counter()
    for part in parts:
        highest |= Counter(part)
    return highest


def scale(part: Copies, number: int) -> Copies:
    """Return the copies in a result that holds a part `number` times."""
    return {name: count * number for name, count in part.items()} if number else NONE


def factor(copies: Copies, kept: bool = False, replaced: Iterable[str] = ()) -> int:
    """Return by what factor a result can be larger than the document, at least 1.

    `kept` means that the result also holds all fields of the document except those `replaced`.
    """
    dropped = set(replaced)
    of_fields = (
        count + (kept and name not in dropped) for name, count in copies.items() if name != WHOLE
    )
    return max(1, copies.get(WHOLE, 0) + max([int(kept), *of_fields]))
