"""How large a document can become: how often its parts stand in what a pipeline makes of it.

MongoDB looks at time between documents and at size when a document leaves the server. A pipeline
that doubles a list twenty times, within one document, so takes all memory or runs on for days.
`Copies` counts, for each field, how often it stands in a result; results of several parts add up.
`WHOLE` stands for the document, `NUMBERS` for what `$range` makes of nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

Copies = Mapping[str, int]

WHOLE = "$$ROOT"
NUMBERS = "$range"
FAN_OUT = 16
"""What a loop counts for, that copies something from outside in each round."""
MOST_COPIES = 64
"""The largest factor that a pipeline may have: one loop that copies, but no two."""

NONE: Copies = {}


def add(parts: Iterable[Copies]) -> Copies:
    """Return the copies in a result that holds all parts."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def union(parts: Iterable[Copies]) -> Copies:
    """Return the copies in a result that is one of the parts."""
    most: Counter[str] = Counter()
    for part in parts:
        most |= Counter(part)
    return most


def scale(part: Copies, number: int) -> Copies:
    """Return the copies in so many of a part."""
    return {name: count * number for name, count in part.items()} if number else NONE


def factor(copies: Copies, kept: bool = False, replaced: Iterable[str] = ()) -> int:
    """Return how many times as large as the document before a result can be.

    `kept` says that the result holds all fields of the document but those that are `replaced`.
    """
    gone = set(replaced)
    of_fields = (
        count + (kept and name not in gone) for name, count in copies.items() if name != WHOLE
    )
    return max(1, copies.get(WHOLE, 0) + max([int(kept), *of_fields]))
