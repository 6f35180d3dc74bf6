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
_LARGE = 4096  # bytes, from which on it pays not to cut all of a file into lines

Clean = Callable[[str, Any], Any]
"""Returns the value of a variable as it may be kept."""

Reread = Callable[[Place, bytes, bytes], tuple[Any, Any] | None]
"""Reads the value in a line and in the one that has taken its place.

None when one of them holds anything but a value of the place's variable.
"""


@dataclass(frozen=True, slots=True)
class ParsedLines:
    """A file, the variables in it, and by number the lines that can be read by themselves."""

    content: bytes
    variables: Variables
    places: Mapping[int, Place]
    reparse_line: Reread

    def cleaned(self, clean: Callable[[Variables], Variables]) -> "ParsedLines":
        """Return the sheet with its variables as they may be kept."""
        return replace(self, variables=clean(self.variables))

    def with_content(self, content: bytes, clean: Clean) -> "ParsedLines | None":
        """Return what parsing this content would give; None when it has to be parsed.

        `clean` is applied to the values that are new, as it was to those that are there.
        """
        first, before, after = _differing_lines(self.content, content)
        if len(before) != len(after):
            return None
        variables = dict(self.variables)
        for index in compress(count(), map(ne, before, after)):
            place = self.places.get(first + index)
            values = self.reparse_line(place, before[index], after[index]) if place else None
            if (
                place is None
                or values is None
                or values[0] != self.variables.get(place.key, _NOTHING)
            ):
                return None
            variables[place.key] = clean(place.key, values[1])
        return ParsedLines(content, variables, self.places, self.reparse_line)


def _differing_lines(old: bytes, new: bytes) -> tuple[int, list[bytes], list[bytes]]:
    """Return the lines of each from the first to the last that differ, and the number of the first.

    Only these are cut out: nearly all of a large file is before the first and after the last.
    """
    if len(old) < _LARGE:
        return 0, old.split(b"\n"), new.split(b"\n")
    start = old.rfind(b"\n", 0, _shared_start(old, new)) + 1
    end = old.find(b"\n", len(old) - _shared_end(old, new, start))
    end = len(old) if end < 0 else end
    before, after = old[start:end], new[start : end + len(new) - len(old)]
    return old.count(b"\n", 0, start), before.split(b"\n"), after.split(b"\n")


def _shared_start(old: bytes, new: bytes) -> int:
    """Return how many bytes are the same at the beginning."""
    same, most = 0, min(len(old), len(new))
    while same < most:
        middle = (same + most + 1) // 2
        if new.startswith(old[same:middle], same):
            same = middle
        else:
            most = middle - 1
    return same


def _shared_end(old: bytes, new: bytes, start: int) -> int:
    """Return how many bytes are the same at the end, behind `start`."""
    same, most = 0, min(len(old), len(new)) - start
    while same < most:
        middle = (same + most + 1) // 2
        if new.endswith(old[len(old) - middle : len(old) - same], 0, len(new) - same):
            same = middle
        else:
            most = middle - 1
    return same
