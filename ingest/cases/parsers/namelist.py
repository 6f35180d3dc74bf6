"""Fortran namelists: what the components read, and what users add to it.

They have three kinds of writers: the perl build-namelist of EAM and ELM (tabs, padded values, a
trailing comment block), CIME in Python, and users, whose user_nl_* files have no groups. The case
of letters in names does not matter. The parser takes time linear in its input.
"""

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from ingest.cases.parsers.incremental import ParsedLines, ValueLine
from models.configuration.keys import join_key
from models.errors import ParseError

_TOKEN = re.compile(
    r"""
    (?P<space>[\s]+)
  | (?P<comment>![^\n]*)
  | (?P<boz>(?:[0-9]{1,18}\*)?[bozxBOZX](?:'[0-9A-Fa-f]++'|"[0-9A-Fa-f]++")(?!['"\w])
        |(?:'[0-9A-Fa-f]++'|"[0-9A-Fa-f]++")[bozxBOZX](?=[\s,/!]|\Z)(?!\s*+\+?=|[ \t]*+[(%]))
  | (?P<string>'(?:[^']++|'')*+'|"(?:[^"]++|"")*+")
  | (?P<open>['"])
  | (?P<group>[&$][A-Za-z_]\w*)
  | (?P<end>/)
  | (?P<comma>,)
  | (?P<assign>\+?=)
  | (?P<complex>\([^()\n]*\))
  | (?P<name>[A-Za-z_][\w%]*+(?:[ \t]*+(?:%[ \t]*+\w*+|\([^()\n]*+\))){0,16}+(?=\s*+\+?=))
  | (?P<word>[^\s,=/!'"()]+(?:\([^()\s]*\))?|[()])
    """,
    re.VERBOSE,
)
_OUTSIDE = re.compile(r"(?P<group>[&$][A-Za-z_]\w*)|![^\n]*|[^\s,=/!()]+")
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
_LOGICAL_KIND = re.compile(r"(?P<logical>\.(?:true|false|t|f)\.)_\w+", re.IGNORECASE)
_DIGITS = {"b": frozenset("01"), "o": frozenset("01234567"), "z": frozenset("0123456789abcdef")}
_NUMBER_OF_SUBSCRIPT = re.compile(r"(?<=[(,:])\+?0*(?P<digits>[0-9])")
_ELEMENTS = re.compile(
    r"(?P<array>\w+)\((?:(?P<element>[0-9]{1,9})|(?P<first>[0-9]{0,9}):(?P<last>[0-9]{0,9}))\)"
)
_ENDS = {"&end", "$end"}
_SIMPLE_LINE = re.compile(  # one value, which is what nearly every line holds
    rb"[ \t]*(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*"
    rb"(?:(?P<string>'[ !#-&(-~]*'|\"[ !#-~]*\")|(?P<word>[-+.\w]+))[ \t]*,?[ \t]*\r?"
)
_BEYOND_ONE = frozenset({"name", "group", "end", "open"})
_MAX_LINE = 4096
_MAX_VALUES = 100_000
_MAX_LINES = 1_000_000
_MAX_INT64 = 2**63

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Section:
    """The elements of an array that an assignment sets: from `first` to `last`, or to infinity.

    `key` is the delta key of the section when it is not merged with others into a list.
    """

    key: str
    first: int
    last: float


@dataclass(slots=True)
class _Variable:
    """A variable while its values are read.

    `start` and `end` are its position in the text. `is_open` means that another value must follow,
    as after a comma. `repeat` is the count of a `3*` without a value so far: a string may follow
    it, otherwise the values are null.
    """

    key: str
    section: _Section | None
    start: int
    end: int
    adds: bool = False
    values: list[Any] = field(default_factory=list)
    is_open: bool = True
    repeat: int = 0


@dataclass(slots=True)
class _Array:
    """The values that the assignments to one name set, in their order; most names have only one.

    `whole` has the values assigned to the name itself, `sections` those assigned to parts of it,
    by key. As long as the subscript of every value is certain (`has_subscripts`), `elements` has
    all values by subscript.

        a = 1, 2        whole [1, 2]
        a(4) = 9        sections {"a(4)": [9]}              elements 1: 1, 2: 2, 4: 9
        a(3) = 7        sections {"a(4)": [9], "a(3)": [7]} elements 1 to 4: one list again

    The cost of an assignment depends only on its own values, not on those set before.
    """

    whole: list[Any] | None = None
    sections: dict[str, list[Any]] = field(default_factory=dict)
    elements: dict[int, Any] = field(default_factory=dict)
    highest: int = 0
    has_subscripts: bool = True

    def assign(self, values: list[Any]) -> None:
        """Set the whole array; earlier values no longer count."""
        self.whole, self.sections, self.elements = values, {}, {}
        self.highest, self.has_subscripts = 0, True

    def add(self, values: list[Any]) -> None:
        """Append to the present values, for `+=`."""
        if self.sections:
            self.has_subscripts = self.has_subscripts and self._is_full()
            self._set_elements(self.highest + 1, values)
        if self.whole is None:
            self.whole = []
        self.whole.extend(values)

    def assign_section(self, section: _Section, values: list[Any], adds: bool) -> None:
        """Set some elements. With `adds` (`+=`) their subscripts are uncertain."""
        if not self.sections:
            self._set_elements(1, self.whole or [])
        fits = 0 < len(values) <= section.last - section.first + 1
        self.has_subscripts = self.has_subscripts and section.first > 0 and fits and not adds
        self._set_elements(section.first, values)
        if adds:
            self.sections.setdefault(section.key, []).extend(values)
        else:
            self.sections[section.key] = values

    def values(self, key: str) -> Iterator[tuple[str, list[Any]]]:
        """Yield `key` with the whole list when it has no gap; otherwise each assignment by key."""
        if self.sections and self.has_subscripts and self._is_full():
            yield key, [self.elements[number] for number in range(1, self.highest + 1)]
            return
        if self.whole is not None:
            yield key, self.whole
        yield from self.sections.items()

    def _is_full(self) -> bool:
        return len(self.elements) == self.highest

    def _set_elements(self, first: int, values: list[Any]) -> None:
        if not self.has_subscripts:
            return
        for number, value in enumerate(values, first):
            if value is not None or number not in self.elements:  # null keeps an earlier value
                self.elements[number] = value
        self.highest = max(self.highest, first + len(values) - 1)


def parse_namelist(content: bytes, file: str) -> Values:
    """Return the values by delta key, `file.group.name`; user_nl files have no groups.

    The notation of a value decides on its type. Several values are a list, with repeats (`3*0.5`)
    expanded. Elements and sections of an array, `a(1)` and `a(2:3)`, are one list when they fill it
    from 1 on; otherwise each is a separate variable, as always with derived types and several
    dimensions. Raise ParseError `unterminated_string`, `too_many_values` or `too_many_lines`.
    """
    return _Reader(file).read(_text(content))


def parse_namelist_lines(content: bytes, file: str) -> ParsedLines:
    """Return the values that `parse_namelist` returns, and the lines that can be read alone.

    Such a line contains everything that is assigned to a name.
    """
    reader = _Reader(file)
    text = _text(content)
    values = reader.read(text)
    if content.count(b"\n") != text.count("\n"):  # then line numbers would differ
        return ParsedLines(content, values, {}, _reparse_line)
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    lines = {}
    times_set = Counter(variable.key for variable in reader.variables)
    for variable in reader.variables:
        key, number = variable.key, bisect_right(starts, variable.start) - 1
        is_alone = variable.section is None and times_set[key] == 1
        if is_alone and variable.end < starts[number + 1]:
            lines[number] = ValueLine(key)
    return ParsedLines(content, values, lines, _reparse_line)


def _text(content: bytes) -> str:
    if content.count(b"\n") > _MAX_LINES:
        raise ParseError("too_many_lines", f"there are more than {_MAX_LINES} lines")
    return content.decode("utf-8", errors="replace").removeprefix("\ufeff")


def _reparse_line(_line: ValueLine, old: bytes, new: bytes) -> tuple[Any, Any] | None:
    before, after = _read_assignment(old), _read_assignment(new)
    if before is None or after is None or before[0] != after[0]:
        return None
    return before[1], after[1]


def _read_assignment(line: bytes) -> tuple[str, Any] | None:
    """Return name and value in a line that contains one assignment and nothing else, or None."""
    simple = _SIMPLE_LINE.fullmatch(line)
    if simple is not None:
        quoted, word = simple["string"], simple["word"]
        value = typed(word.decode()) if quoted is None else _string(quoted.decode())
        return join_key("user_nl", simple["name"].decode().lower()), value
    if len(line) > _MAX_LINE:
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
        self.variables: list[_Variable] = []
        self._file = file
        self._group: str | None = "" if file.startswith("user_nl") else None
        self._arrays: dict[str, _Array] = {}
        self._variable: _Variable | None = None
        self._count = 0

    def read(self, text: str) -> Values:
        position = 0
        while position < len(text):
            start = position if self._group is not None else _next_group(text, position)
            position = self._read_group(text, start)
        self._finish()
        return {
            key: values[0] if len(values) == 1 else (values or None)
            for key, values in sorted(
                (key, values)
                for name, array in self._arrays.items()
                for key, values in array.values(name)
            )
        }

    def _read_group(self, text: str, start: int) -> int:
        """Read a group; return the position after its end, or the length of the text."""
        for kind, token, position in _tokens(text, start):
            if kind == "open":
                line = text.count("\n", 0, position) + 1
                raise ParseError("unterminated_string", f"the string in line {line} has no end")
            if kind == "group":
                self._begin_group(token[1:].lower(), token.lower())
            else:
                self._take(kind, token, position)
            if self._group is None:
                return position + len(token)
        return len(text)

    def _begin_group(self, name: str, token: str) -> None:
        self._finish()
        outside = "" if self._file.startswith("user_nl") else None
        self._group = outside if token in _ENDS else name

    def _take(self, kind: str, token: str, position: int) -> None:
        if kind == "name":
            self._finish()
            self._begin_variable(token, position)
        elif kind == "end":
            self._begin_group("", "&end")
        elif self._variable is not None:
            self._variable.end = position + len(token)
            self._add(self._variable, kind, token)

    def _begin_variable(self, token: str, position: int) -> None:
        if len(self.variables) == _MAX_VALUES:
            raise ParseError("too_many_values", f"there are more than {_MAX_VALUES} variables")
        name, elements = token.lower(), None
        if not name.isidentifier():
            name = _NUMBER_OF_SUBSCRIPT.sub(r"\g<digits>", "".join(name.split()))
            elements = _ELEMENTS.fullmatch(name)
        if elements is None:
            key, section = self._key(name), None
        else:
            key = self._key(elements["array"])
            first = int(elements["element"] or elements["first"] or 1)
            section = _Section(self._key(name), first, float(elements["last"] or math.inf))
        self._variable = _Variable(key, section, position, position + len(token))

    def _key(self, name: str) -> str:
        if self._group:
            return join_key(self._file, self._group, name)
        return join_key(self._file, name)

    def _add(self, variable: _Variable, kind: str, token: str) -> None:
        if kind == "assign":
            variable.adds = token.startswith("+")
        elif kind == "comma":
            self._settle(variable)
            variable.is_open = True
        elif kind == "string":
            self._append(variable, _string(token), variable.repeat or 1)
        elif kind == "complex":
            self._append(variable, _complex(token), variable.repeat or 1)
        elif kind == "boz":
            count, _, constant = token.rpartition("*")
            for value in _boz(constant):
                self._append(variable, value, int(count or variable.repeat or 1))
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
        """End a value at a comma; an empty one is null."""
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
        self.variables.append(variable)
        self._append_nulls(variable)
        array = self._arrays.setdefault(variable.key, _Array())
        if variable.section is not None:
            array.assign_section(variable.section, variable.values, variable.adds)
        elif variable.adds:
            array.add(variable.values)
        else:
            array.assign(variable.values)


def _next_group(text: str, start: int) -> int:
    """Return the position of the next group; outside of groups, quotes have no meaning."""
    groups = (match.start() for match in _OUTSIDE.finditer(text, start) if match["group"])
    return next(groups, len(text))


def _tokens(text: str, start: int = 0) -> Iterator[tuple[str, str, int]]:
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup or ""
        if kind not in {"space", "comment"}:
            yield kind, match[0], match.start()


def _string(token: str) -> str:
    """Return the text of a character constant without trailing blanks, which Fortran ignores."""
    quote = token[0]
    return token[1:-1].replace(quote * 2, quote).rstrip(" ")


def _boz(token: str) -> list[str]:
    """Return a BOZ constant, such as `z'ff'`; as two values when its digits are not of its base."""
    lowered = token.lower().replace('"', "'")
    before, digits, after = lowered.split("'")
    base = (before or after).replace("x", "z")
    if not _DIGITS[base].issuperset(digits):
        return [before, digits] if before else [digits, after]
    return [f"{base}'{digits}'"]


def _complex(token: str) -> str:
    """Return the text of the value of a complex constant; any other text is returned unchanged."""
    parts = [typed(part.strip()) for part in token[1:-1].split(",", 2)]
    if len(parts) != 2 or not all(type(part) in {int, float} for part in parts):
        return token
    return f"({float(parts[0])!r},{float(parts[1])!r})"


def typed(token: str) -> str | int | float | bool:
    """Return an unquoted value in the type of its notation; other text is returned unchanged."""
    logical = _LOGICALS.get(token.lower())
    if logical is not None:
        return logical
    if token.startswith("("):
        return _complex(token)
    if kind := _LOGICAL_KIND.fullmatch(token):
        return _LOGICALS[kind["logical"].lower()]
    integer = _INTEGER.fullmatch(token)
    if integer is not None:
        number = int(integer["digits"])
        return number if -_MAX_INT64 <= number < _MAX_INT64 else token
    real = _REAL.fullmatch(token)
    if real is not None:
        value = float(f"{real['mantissa']}e{real['exponent'] or 0}")
        return value if math.isfinite(value) else token
    return token
