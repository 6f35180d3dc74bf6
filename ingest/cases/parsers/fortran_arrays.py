"""Arrays as the assignments of a namelist leave them.

Fortran's rule: an assignment gives values to some elements, in their order, and leaves all others.
A null value leaves its element too.

    a = 1, 2, 3      1  2  3
    a = , 8          1  8  3
    a(2:3) = 9       1  9  3
    a(5) = 7         1  9  3  null  7
"""

import math
import re
from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Any

from models.configuration.keys import escape_name

_SECTION = re.compile(
    r"(?P<array>.*[^)])\((?:(?P<element>-?[0-9]{1,9})"
    r"|(?P<first>-?[0-9]{1,9})?:(?P<last>-?[0-9]{1,9})?(?::(?P<step>[0-9]{1,9})?)?)\)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Section:
    """The elements of an array that an assignment sets: from `first` to `last`, or to infinity.

    `name` is the name of array and section as written.
    """

    name: str
    first: int
    last: float
    step: int = 1

    def has_room(self, values: Sized) -> bool:
        """Return whether it has an element for each value."""
        return len(values) <= max(0, (self.last - self.first) / self.step + 1)


def split_name(name: str) -> tuple[str, Section | None]:
    """Return the name of the array, and the section when the name ends in one of one dimension.

    An element is the section that begins there, because Fortran also sets those that follow.
    """
    match = _SECTION.fullmatch(name)
    step = int(match["step"] or 1) if match else 1
    if match is None or not step:
        return name, None
    first = int(match["element"] or match["first"] or 1)
    return match["array"], Section(name, first, float(match["last"] or math.inf), step)


@dataclass(slots=True)
class Array:
    """The values of a variable; most have only one, from one assignment.

    `whole` has the values assigned to the name itself, `sections` those assigned to parts of it, by
    name as written. As long as the subscript of every value is certain, `elements` has all values
    by subscript, once there are sections. Delta keys are `path` and a name.

    The cost of an assignment depends only on its own values, not on those set before.
    """

    path: str
    name: str
    whole: list[Any] | None = None
    assignments: int = 0
    sections: dict[str, list[Any]] = field(default_factory=dict)
    elements: dict[int, Any] = field(default_factory=dict)
    is_certain: bool = True
    lowest: int = 1
    highest: int = 0

    def assign(self, values: list[Any]) -> None:
        """Set the first elements."""
        self.assignments += 1
        if self.whole is None:
            self.whole = values
        else:
            _put(self.whole, values)
        if self.sections:
            self._set_elements(1, 1, values)

    def add(self, values: list[Any]) -> None:
        """Append to the present values, for `+=`."""
        self.assignments += 1
        if self.sections:
            is_full = self.lowest == 1 and len(self.elements) == self.highest
            self.is_certain = self.is_certain and is_full
            self._set_elements(self.highest + 1, 1, values)
        self.whole = [] if self.whole is None else self.whole
        self.whole.extend(values)

    def assign_section(self, section: Section, values: list[Any]) -> bool:
        """Set some elements; return whether there are as many of them as values."""
        fits = section.has_room(values)
        self._begin_section(is_certain=fits)
        self._set_elements(section.first, section.step, values or [None])
        _put(self.sections.setdefault(section.name, []), values)
        return fits

    def add_to_section(self, section: Section, values: list[Any]) -> None:
        """Append to what was assigned to the same section; where that is, is uncertain."""
        self._begin_section(is_certain=False)
        self.sections.setdefault(section.name, []).extend(values)

    @property
    def key(self) -> str:
        """The delta key of the whole array."""
        return self.path + escape_name(self.name)

    def values(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield delta key and values: one list from the first element on if few are missing.

        What is missing is null. Otherwise yield each sequence of elements without a gap. When it is
        uncertain where the elements are, as with a lower bound that is not known, yield what was
        assigned to each name.
        """
        if not self.sections:
            yield self.key, self.whole or []
        elif not self.is_certain or (self.whole and self.lowest < 1):
            if self.whole is not None:
                yield self.key, self.whole
            for name, values in self.sections.items():
                yield self.path + escape_name(name), values
        elif self.lowest == 1 and 1 in self.elements and self.highest <= 2 * len(self.elements):
            yield self.key, [self.elements.get(number) for number in range(1, self.highest + 1)]
        else:
            yield from self._runs()

    def _runs(self) -> Iterator[tuple[str, list[Any]]]:
        numbers = enumerate(sorted(self.elements))
        for _, group in groupby(numbers, key=lambda pair: pair[1] - pair[0]):
            run = [number for _, number in group]
            if run[0] == self.lowest == 1:
                name = self.name
            else:
                name = f"{self.name}({run[0]}{f':{run[-1]}' if len(run) > 1 else ''})"
            yield self.path + escape_name(name), [self.elements[number] for number in run]

    def _begin_section(self, *, is_certain: bool) -> None:
        self.assignments += 1
        if not self.sections:
            self._set_elements(1, 1, self.whole or [])
        self.is_certain = self.is_certain and is_certain

    def _set_elements(self, first: int, step: int, values: list[Any]) -> None:
        if not self.is_certain or not values:
            return
        for number, value in zip(count(first, step), values, strict=False):
            if value is not None or number not in self.elements:
                self.elements[number] = value
        self.lowest = min(self.lowest, first)
        self.highest = max(self.highest, first + (len(values) - 1) * step)


def _put(values: list[Any], new: list[Any]) -> None:
    """Set the first of the values, except where the new one is null."""
    for number, value in enumerate(new[: len(values)]):
        if value is not None:
            values[number] = value
    values.extend(new[len(values) :])
