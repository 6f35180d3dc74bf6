"""Incremental parsing: of a file that resembles a parsed one, only lines that differ are read.

Most files of an execution differ from those of the execution before in a few values only. A parser
notes which lines contain the value of one variable and nothing else (`ValueLine`). A file that
differs in such lines only need not be parsed: the values are read from these lines.

    parsed before                          new file
    2  <entry id="STOP_N" value="5">       2  <entry id="STOP_N" value="10">    read alone
    3  <type>integer</type>                3  <type>integer</type>
    4  <!-- a comment -->                  4  <!-- another -->                  parse all
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress, count
from operator import ne
from typing import Any

Variables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ValueLine:
    """A line that contains the whole value of the variable `key`.

    `name` is the name in that line, `type_name` the declared type; both may be empty.
    """

    key: str
    name: str = ""
    type_name: str = ""


_MISSING = object()
_LARGE = 4096  # bytes from which it is faster not to split the whole file into lines

Clean = Callable[[str, Any], Any]
"""Returns the value of a variable without secrets."""

LineReader = Callable[[ValueLine, bytes, bytes], tuple[Any, Any] | None]
"""Returns the value in a known line and in the one that replaces it.

None when one of them contains anything but a value of the variable of the line.
"""


@dataclass(frozen=True, slots=True)
class ParsedLines:
    """A parsed file: its variables and, by line number from 0, the lines that can be read alone.

    `unknown` has the places that are not understood. They are in no line that can be read alone, so
    that a similar file has the same.
    """

    content: bytes
    variables: Variables
    value_lines: Mapping[int, ValueLine]
    reparse_line: LineReader
    unknown: Sequence[tuple[int, str]] = ()

    def cleaned(self, clean: Callable[[Variables], Variables]) -> "ParsedLines":
        """Return the same file with the variables that `clean` returns."""
        return replace(self, variables=clean(self.variables))

    def with_content(self, content: bytes, clean: Clean) -> "ParsedLines | None":
        """Return the result of parsing `content`; None when it really has to be parsed.

        `clean` is applied to the new values, as it was to all values of the known file.
        """
        first, before, after = _differing_lines(self.content, content)
        if len(before) != len(after):
            return None
        variables = dict(self.variables)
        for index in compress(count(), map(ne, before, after)):
            line = self.value_lines.get(first + index)
            values = self.reparse_line(line, before[index], after[index]) if line else None
            if (
                line is None
                or values is None
                # they differ when `clean` changed the value, or another line set the variable
                or values[0] != self.variables.get(line.key, _MISSING)
            ):
                return None
            variables[line.key] = clean(line.key, values[1])
        return replace(self, content=content, variables=variables)


def _differing_lines(old: bytes, new: bytes) -> tuple[int, list[bytes], list[bytes]]:
    """Return the number of the first line that differs, and the lines of each file to the last one.

    In a large file nearly everything is before the first or after the last and is not split.
    """
    if len(old) < _LARGE:
        return 0, old.split(b"\n"), new.split(b"\n")
    start = old.rfind(b"\n", 0, _shared_start(old, new)) + 1
    end = old.find(b"\n", len(old) - _shared_end(old, new, start))
    end = len(old) if end < 0 else end
    before, after = old[start:end], new[start : end + len(new) - len(old)]
    return old.count(b"\n", 0, start), before.split(b"\n"), after.split(b"\n")


def _shared_start(old: bytes, new: bytes) -> int:
    """Return the number of bytes that are the same at the beginning, by bisection."""
    same, limit = 0, min(len(old), len(new))
    while same < limit:
        middle = (same + limit + 1) // 2
        if new.startswith(old[same:middle], same):
            same = middle
        else:
            limit = middle - 1
    return same


def _shared_end(old: bytes, new: bytes, start: int) -> int:
    """Return the number of bytes after `start` that are the same at the end, by bisection."""
    same, limit = 0, min(len(old), len(new)) - start
    while same < limit:
        middle = (same + limit + 1) // 2
        if new.endswith(old[len(old) - middle : len(old) - same], 0, len(new) - same):
            same = middle
        else:
            limit = middle - 1
    return same
