"""Reading a file as the few lines by which it differs from one that has been parsed.

Most files of an execution are those of the one before but for some values. Where a parser can tell
that a line holds the value of one variable and nothing else, a file that differs in such lines
only need not be parsed again: the values are read from these lines.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import compress, count
from operator import ne
from typing import Any

Variables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A line in which the value of the variable `key` begins and ends.

    `name` is how the line names it, `type_name` its declared type, where there is one.
    """

    key: str
    name: str = ""
    type_name: str = ""


_NOTHING = object()

Clean = Callable[[str, Any], Any]
"""Returns the value of a variable as it may be kept."""

Reread = Callable[[Place, bytes, bytes], tuple[Any, Any] | None]
"""Reads the value in a line and in the one that has taken its place.

None when one of them holds anything but a value of the place's variable.
"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines of a file, the variables in it, and the lines that can be read by themselves."""

    lines: list[bytes]
    variables: Variables
    places: Mapping[int, Place]
    reread: Reread

    def cleaned(self, clean: Callable[[Variables], Variables]) -> "Sheet":
        """Return the sheet with its variables as they may be kept."""
        return replace(self, variables=clean(self.variables))

    def with_lines(self, lines: list[bytes], clean: Clean) -> "Sheet | None":
        """Return what parsing these lines would give; None when they have to be parsed.

        `clean` is applied to the values that are new, as it was to those that are there.
        """
        if len(lines) != len(self.lines):
            return None
        variables = dict(self.variables)
        for number in compress(count(), map(ne, self.lines, lines)):
            place = self.places.get(number)
            values = self.reread(place, self.lines[number], lines[number]) if place else None
            if (
                place is None
                or values is None
                or values[0] != self.variables.get(place.key, _NOTHING)
            ):
                return None
            variables[place.key] = clean(place.key, values[1])
        return Sheet(lines, variables, self.places, self.reread)
