"""Fortran namelists: what the components read, and what users add to it.

Three writers make them: the perl build-namelist of EAM and ELM (tabs, padded values, a trailing
comment block), CIME in Python, and users, whose user_nl_* files have no groups. Names mean the
same in upper and lower case. The parser is linear in its input.
"""

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from ingest.parsers.sheet import Place, Sheet
from models.errors import ParseError
from models.keys import join_key

_TOKEN = re.compile(
    r"""
    (?P<space>[\s]+)
  | (?P<comment>![^\n]*)
  | (?P<string>'(?:[^']++|'')*+'|"(?:[^"]++|"")*+")
  | (?P<open>['"])
  | (?P<group>[&$][A-Za-z_]\w*)
  | (?P<end>/)
  | (?P<comma>,)
  | (?P<assign>\+?=)
  | (?P<complex>\([^()\n]*\))
  | (?P<name>[A-Za-z_][\w%]*+(?:[ \t]*+\([^()\n]*+\)(?:%\w++)*+)*+(?=\s*+\+?=))
  | (?P<word>[^\s,=/!'"()]+(?:\([^()\s]*\))?|[()])
    """,
    re.VERBOSE,
)
_REPEAT = re.compile(r"(?P<count>[0-9]{1,18})\*(?P<value>.*)", re.DOTALL)
_INTEGER = re.compile(r"(?P<digits>[+-]?[0-9]{1,19})(?:_\w+)?")
_REAL = re.compile(
    r"(?P<mantissa>[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eEdDqQ])))(?:[eEdDqQ](?P<exponent>[+-]?[0-9]{1,4}))?"
    r"(?:_\w+)?"
)
_LOGICALS = {
    ".true.": True, ".t.": True, "t": True, "true": True, ".true": True,
    ".false.": False, ".f.": False, "f": False, "false": False, ".false": False,
}  # fmt: skip
_ENDS = {"&end", "$end"}
_SIMPLE_LINE = re.compile(  # one value, which is what nearly every line holds
    rb"[ \t]*(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*"
    rb"(?:(?P<string>'[ !#-&(-~]*'|\"[ !#-~]*\")|(?P<word>[-+.\w]+))[ \t]*,?[ \t]*\r?"
)
_BEYOND_ONE = frozenset({"name", "group", "end", "open"})
_LONGEST_LINE = 4096
_MAX_VALUES = 100_000
_MAX_INT64 = 2**63

Values = dict[str, Any]


@dataclass(slots=True)
class _Variable:
    """A variable while its values are read.

    `start` and `end` are its place in the text. `is_open` after a comma, when another value must
    follow; `repeat` is the count of a `3*` whose value has not come yet: a string may follow it,
    and otherwise the values are null.
    """

    key: str
    start: int
    end: int
    adds: bool = False
    values: list[Any] = field(default_factory=list)
    is_open: bool = True
    repeat: int = 0


def parse_namelist(content: bytes, file: str) -> Values:
    """Return the values by delta key, `file.group.name`; user_nl files have no groups.

    A value is typed as it is written; several are a list, with repeats (`3*0.5`) written out. An
    array element or section, `a(2)` or `a(1:3)`, is a variable of its own. ParseError
    `unterminated_string` or `too_many_values`.
    """
    return _Reader(file).read(_text(content))


def parse_namelist_sheet(content: bytes, file: str) -> Sheet:
    """Return the values as `parse_namelist` does, and the lines that can be read alone."""
    reader = _Reader(file)
    text = _text(content)
    values = reader.read(text)
    lines = content.split(b"\n")
    if len(lines) != text.count("\n") + 1:
        return Sheet(lines, values, {}, _reread)
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    places = {}
    times_set = Counter(key for key, _, _ in reader.spans)
    for key, start, end in reader.spans:
        number = bisect_right(starts, start) - 1
        if end < starts[number + 1] and times_set[key] == 1:
            places[number] = Place(key)
    return Sheet(lines, values, places, _reread)


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace").removeprefix("\ufeff")


def _reread(_place: Place, old: bytes, new: bytes) -> tuple[Any, Any] | None:
    before, after = _read_assignment(old), _read_assignment(new)
    if before is None or after is None or before[0] != after[0]:
        return None
    return before[1], after[1]


def _read_assignment(line: bytes) -> tuple[str, Any] | None:
    """Return the name and the value in a line that holds one assignment and nothing else."""
    simple = _SIMPLE_LINE.fullmatch(line)
    if simple is not None:
        quoted, word = simple["string"], simple["word"]
        value = typed(word.decode()) if quoted is None else _string(quoted.decode())
        return join_key("user_nl", simple["name"].decode().lower()), value
    if len(line) > _LONGEST_LINE:
        return None
    text = line.decode("utf-8", errors="replace")
    kinds = [kind for kind, _, _ in _tokens(text)]
    if kinds[:2] != ["name", "assign"] or not _BEYOND_ONE.isdisjoint(kinds[1:]):
        return None
    reader = _Reader("user_nl")
    ((name, value),) = reader.read(text).items()
    return name, value


class _Reader:
    def __init__(self, file: str) -> None:
        self.spans: list[tuple[str, int, int]] = []
        self._file = file
        self._group: str | None = "" if file.startswith("user_nl") else None
        self._found: Values = {}
        self._variable: _Variable | None = None
        self._count = 0

    def read(self, text: str) -> Values:
        for kind, token, position in _tokens(text):
            if kind == "open":
                line = text.count("\n", 0, position) + 1
                raise ParseError("unterminated_string", f"the string in line {line} has no end")
            if kind == "group":
                self._begin_group(token[1:].lower(), token.lower())
            elif self._group is not None:
                self._take(kind, token, position)
        self._finish()
        return dict(sorted(self._found.items()))

    def _begin_group(self, name: str, token: str) -> None:
        self._finish()
        outside = "" if self._file.startswith("user_nl") else None
        self._group = outside if token in _ENDS else name

    def _take(self, kind: str, token: str, position: int) -> None:
        if kind == "name":
            self._finish()
            name = "".join(token.split()).lower()
            parts = [self._file, self._group, name] if self._group else [self._file, name]
            key = join_key(*(part or "" for part in parts))
            self._variable = _Variable(key, position, position + len(token))
        elif kind == "end":
            self._begin_group("", "&end")
        elif self._variable is not None:
            self._variable.end = position + len(token)
            self._add(self._variable, kind, token)

    def _add(self, variable: _Variable, kind: str, token: str) -> None:
        if kind == "assign":
            variable.adds = token.startswith("+")
        elif kind == "comma":
            self._settle(variable)
            variable.is_open = True
        elif kind == "string":
            self._append(variable, _string(token), variable.repeat or 1)
        else:
            self._append_nulls(variable)
            repeat = _REPEAT.fullmatch(token)
            if repeat is None:
                self._append(variable, typed(token), 1)
            elif repeat["value"]:
                self._append(variable, typed(repeat["value"]), int(repeat["count"]))
            else:
                variable.repeat = int(repeat["count"])

    def _settle(self, variable: _Variable) -> None:
        """End a value at a comma: one that is empty is null."""
        if variable.is_open and not variable.repeat:
            self._append(variable, None, 1)
        self._append_nulls(variable)

    def _append_nulls(self, variable: _Variable) -> None:
        if variable.repeat:
            self._append(variable, None, variable.repeat)

    def _append(self, variable: _Variable, value: Any, count: int) -> None:
        self._count += count
        if self._count > _MAX_VALUES:
            raise ParseError("too_many_values", f"there are more than {_MAX_VALUES} values")
        variable.values.extend([value] * count)
        variable.is_open, variable.repeat = False, 0

    def _finish(self) -> None:
        variable, self._variable = self._variable, None
        if variable is None:
            return
        self.spans.append((variable.key, variable.start, variable.end))
        self._append_nulls(variable)
        values = variable.values
        if variable.adds:
            before = self._found.get(variable.key, [])
            values = [*(before if isinstance(before, list) else [before]), *values]
        self._found[variable.key] = values[0] if len(values) == 1 else (values or None)


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind not in {"space", "comment"}:
            yield kind, match[0], match.start()


def _string(token: str) -> str:
    """Return what a character constant holds; trailing blanks mean nothing to Fortran."""
    quote = token[0]
    return token[1:-1].replace(quote * 2, quote).rstrip(" ")


def typed(token: str) -> str | int | float | bool:
    """Return a value without quotes as what it is written as; other text stays text."""
    logical = _LOGICALS.get(token.lower())
    if logical is not None:
        return logical
    integer = _INTEGER.fullmatch(token)
    if integer is not None:
        number = int(integer["digits"])
        return number if -_MAX_INT64 <= number < _MAX_INT64 else token
    real = _REAL.fullmatch(token)
    if real is not None:
        value = float(f"{real['mantissa']}e{real['exponent'] or 0}")
        return value if math.isfinite(value) else token
    return token
