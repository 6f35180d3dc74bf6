"""The elements that a namelist assigns to, where several designators may name the same ones.

Fortran's order: of several subscripts the first varies fastest.

    a(1:2,3)    a(1,3)  a(2,3)
    a(:,1)      a(1,1)  a(2,1) …, as many as there are values
    a(1:2)%b    a(1)%b  a(2)%b
    a(:,:)      only the declaration of the array says
    a(1:2)%b(1) compilers differ
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice, product
from math import prod
from typing import Any

_SUBSCRIPTS = re.compile(r"\(([^()]*)\)")
_SUBSCRIPT = re.compile(
    r"(?P<element>[+-]?[0-9]{1,9})"
    r"|(?P<first>[+-]?[0-9]{1,9})?:(?P<last>[+-]?[0-9]{1,9})?(?::(?P<step>0*[1-9][0-9]{0,8}))?"
)


class UndecidedError(Exception):
    """Only the declaration of the array, or the compiler, says which elements are assigned to."""


def without_subscripts(designator: str) -> str:
    """Return the name that all designators of one array or component have: `a%b` of `a(1)%b(2)`."""
    return _SUBSCRIPTS.sub("", designator)


def elements_of(designator: str, count: int) -> list[str]:
    """Return the first `count` elements that a designator names, or raise UndecidedError."""
    *parents, last = _SUBSCRIPTS.findall(designator) or [""]
    if any(":" in part for part in parents):
        raise UndecidedError
    texts = [text for part in (*parents, last) for text in part.split(",")]
    ranges = [_range(text, count) for text in texts]
    if prod(map(len, ranges)) < count:
        raise UndecidedError
    is_open = [text.endswith(":") or "::" in text for text in texts]
    for number, opened in enumerate(is_open):
        if opened and any(len(later) > 1 for later in ranges[number + 1 :]):
            raise UndecidedError
    template = _SUBSCRIPTS.sub(
        lambda part: f"({','.join(['{}'] * len(part[1].split(',')))})", designator
    )
    subscripts = islice(product(*reversed(ranges)), count)
    return [template.format(*reversed(combination)) for combination in subscripts]


def _range(text: str, count: int) -> range:
    """Return the subscripts that one subscript stands for; an open one ends after `count`."""
    match = _SUBSCRIPT.fullmatch(text)
    if match is None:
        raise UndecidedError
    if match["element"]:
        return range(int(match["element"]), int(match["element"]) + 1)
    first, step = int(match["first"] or 1), int(match["step"] or 1)
    last = int(match["last"]) + 1 if match["last"] else first + count * step
    return range(first, last, step)


def assign_in_order(assignments: Iterable[tuple[str, list[Any]]]) -> Mapping[str, Any] | None:
    """Return the values by element after assignments to designators of one array, in their order.

    None when no element is named by two different designators. A null value leaves its element.
    Raise UndecidedError when it is not certain which elements they name.
    """
    values: dict[str, Any] = {}
    named_by: dict[str, str] = {}
    is_overlapping = False
    for designator, given in assignments:
        for element, value in zip(elements_of(designator, len(given)), given, strict=True):
            is_overlapping |= named_by.setdefault(element, designator) != designator
            if value is not None or element not in values:
                values[element] = value
    return values if is_overlapping else None
