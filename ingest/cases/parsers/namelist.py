"""Fortran namelists: what the components read, and what users add to it.

They have three kinds of writers: the perl build-namelist of EAM and ELM (tabs, padded values, a
trailing comment block), CIME in Python, and users, whose user_nl_* files have no groups. The case
of letters in names does not matter. The parser takes time linear in its input.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter
from typing import Any

from ingest.cases.parsers.fortran_arrays import Array, Section, split_name
from ingest.cases.parsers.fortran_elements import (
    UndecidedError,
    assign_in_order,
    without_subscripts,
)
from ingest.cases.parsers.fortran_literals import (
    boz_literal,
    character_literal,
    complex_literal,
    is_plain_logical,
    literal,
)
from ingest.cases.parsers.incremental import ParsedLines, ValueLine
from models.configuration.keys import escape_name, join_key
from models.errors import ParseError

_TOKEN = re.compile(
    r"""
    \s*+(?:
    (?P<name>[A-Za-z_][\w%@]*+(?:[ \t]*+(?:[%@][ \t]*+\w*+|\([^()\n]*+\))){0,16}+\s*+\+?=)
  | (?P<boz>(?:[0-9]{1,18}\*)?[bozxBOZX](?:'[0-9A-Fa-f]++'|"[0-9A-Fa-f]++")(?!['"\w])
        |(?:'[0-9A-Fa-f]++'|"[0-9A-Fa-f]++")[bozxBOZX](?=[\s,/!]|\Z)(?!\s*+\+?=|[ \t]*+[(%]))
  | (?P<string>'(?:[^']++|'')*+'|"(?:[^"]++|"")*+")
  | (?P<open>['"])
  | (?P<comma>,)
  | (?P<comment>![^\n]*)
  | (?P<hash>[#][^\n]*)
  | (?P<group>[&$][A-Za-z_]\w*)
  | (?P<end>/|[&$](?=\s|\Z))
  | (?P<complex>\([^()\n]*\)|\(\s*+[^\s,()=!'"/]++\s*+,\s*+[^\s,()=!'"/]++\s*+\))
  | (?P<assign>\+?=)
  | (?P<repeat>(?=0*[1-9])[0-9]{1,18}\*(?=['"(]))
  | (?P<word>[^\s,=/!'"()]+(?:\([^()\s]*\))?|[()])
  | \Z)
    """,
    re.VERBOSE,
)
_OUTSIDE = re.compile(r"(?P<group>[&$][A-Za-z_]\w*)|[!#][^\n]*|(?P<other>[^\s,=/!()]+)")
_REPEAT = re.compile(r"(?P<count>(?=0*[1-9])[0-9]{1,18})\*(?P<value>.*)", re.DOTALL)
_NUMBER_OF_SUBSCRIPT = re.compile(r"(?<=[(,:])(?:\+|(?P<minus>-))?0*(?P<digits>[0-9])")
_LEFT_OUT = re.compile(r"^[&/!][^\n]*", re.MULTILINE)
_ASSIGN = re.compile(r"\s*+\+?=")
_SIMPLE_LINE = re.compile(  # one value, which is what nearly every line holds
    rb"[ \t]*(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*"
    rb"(?:(?P<string>'[ !#-&(-~]*'|\"[ !#-~]*\")|(?P<word>[-+.\w]+))[ \t]*,?[ \t]*\r?"
)
_LINE_ALONE = "user_nl"
_MAX_LINE = 4096
_MAX_VALUES = 100_000
_MAX_LINES = 1_000_000
_MAX_UNKNOWN = 1000
_MAX_UNKNOWN_TEXT = 200

Values = dict[str, Any]


@dataclass(slots=True)
class _Variable:
    """An assignment while its values are read.

    `start` and `end` are its position in the text. `is_open` means that another value must follow,
    as after a comma.
    """

    array: Array
    section: Section | None
    adds: bool
    start: int
    end: int
    values: list[Any] = field(default_factory=list)
    is_open: bool = True

    @property
    def designator(self) -> str:
        """The name to which values are assigned, as written."""
        return self.section.name if self.section else self.array.name


def parse_namelist(content: bytes, file: str) -> Values:
    """Return the values by delta key, `file.group.name`; user_nl files have no groups.

    In user_nl files lines that begin with `&`, `/` or `!` have no effect, because CIME leaves them
    out (`create_namelist_infile` in CIME/buildnml.py).
    The notation of a value decides on its type. Several values are a list, with repeats (`3*0.5`)
    expanded. Later assignments change the elements that they give, and leave the others. Elements
    and sections of an array, `a(1)` and `a(2:3)`, are one list when few are missing from the first
    on; otherwise each sequence of elements is a separate variable. Arrays of several dimensions and
    parts of arrays of derived types are separate as they are written, or else, when several of them
    name the same elements, by element. When a file has several groups of one
    name, which Fortran reads one after the other, the keys of the second are `file.group.2.name`.
    Raise ParseError `unterminated_string`, `too_many_values` or `too_many_lines`.
    """
    return _Reader(file, _text(content)).read()


def parse_namelist_lines(content: bytes, file: str) -> ParsedLines:
    """Return the values that `parse_namelist` returns, and the lines that can be read alone.

    Such a line contains everything that is assigned to a name. Not understood are values that
    belong to no variable, words where no value is due, text outside of groups that is no comment,
    groups without an end, assignments that CIME leaves out, and those to elements that may be the
    same, which only the declaration of the array tells.
    """
    text = _text(content)
    reader = _Reader(file, text)
    values = reader.read()
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    unknown = [(bisect_right(starts, place), words) for place, words in sorted(reader.unknown)]
    if content.count(b"\n") != text.count("\n"):  # then line numbers would differ
        return ParsedLines(content, values, {}, _reparse_line, unknown)
    lines = {}
    for variable in reader.variables:
        number = bisect_right(starts, variable.start) - 1
        is_alone = variable.section is None and variable.array.assignments == 1
        if is_alone and variable.end < starts[number + 1]:
            lines[number] = ValueLine(variable.array.key)
    for number, _ in unknown:
        lines.pop(number - 1, None)
    if len(unknown) == _MAX_UNKNOWN:  # there may be others
        lines.clear()
    return ParsedLines(content, values, lines, _reparse_line, unknown)


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
        value = character_literal(quoted.decode()) if quoted else _value_of(word.decode())
        return join_key(_LINE_ALONE, simple["name"].decode().lower()), value
    if len(line) > _MAX_LINE:
        return None
    text = line.decode("utf-8", errors="replace")
    reader = _Reader(_LINE_ALONE, text)
    try:
        values = reader.read()
    except ParseError:
        return None
    has_more = reader.unknown or reader.groups or len(reader.variables) != 1
    if has_more or text[: reader.variables[0].start].strip():
        return None
    return next(iter(values.items()))


def _value_of(word: str) -> Any:
    value = literal(word)
    return word if value is None else value


class _Reader:
    """Reads one text; `unknown` then has the places that are not understood, and their text."""

    def __init__(self, file: str, text: str) -> None:
        self.variables: list[_Variable] = []
        self.unknown: list[tuple[int, str]] = []
        self._file = file
        self._has_groups = not file.startswith("user_nl")
        self._text = text if self._has_groups else self._without_lines_left_out(text)
        self._path = "" if self._has_groups else f"{join_key(file)}."
        self._group: str | None = None
        self._group_start = 0
        self.groups: Counter[str] = Counter()
        self._arrays: dict[str, dict[str, Array]] = {}
        self._variable: _Variable | None = None
        self._repeat = 1
        self._count = 0
        self._reported = -1
        self._takers: Mapping[str, Callable[[str, int], None]] = {
            "name": self._take_name,
            "word": self._take_word,
            "string": self._take_string,
            "comma": self._take_comma,
            "boz": self._take_boz,
            "complex": self._take_complex,
            "repeat": self._take_repeat,
            "assign": self._take_assign,
            "group": self._take_group if self._has_groups else self._take_stray,
            "end": self._take_end,
            "hash": self._take_stray,
            "open": self._refuse_open_string,
        }

    def read(self) -> Values:
        """Return the values by delta key, in sorted order."""
        position = 0
        while position < len(self._text):
            start = position if self._path else self._next_group(position)
            position = self._read_group(start)
        self._finish()
        if self._group is not None:
            self._report_group()
        elements = dict(self._overlapping_elements())
        found = (
            (key, values[0] if len(values) == 1 else (values or None))
            for arrays in self._arrays.values()
            for array in arrays.values()
            for key, values in array.values()
        )
        return dict(sorted([*found, *elements.items()], key=itemgetter(0)))

    def _overlapping_elements(self) -> Iterator[tuple[str, Any]]:
        """Yield delta key and value of elements that several designators name; forget their arrays.

        Report those of which only the declaration says whether they are the same.
        """
        for path, variables in self._arrays_of_several_names():
            for variable in variables:
                variable.array.assignments += 1  # so that no line of it is read alone
            try:
                if any(variable.adds for variable in variables):
                    raise UndecidedError
                values = assign_in_order((each.designator, each.values) for each in variables)
            except UndecidedError:
                self._note(variables[-1].start)
                continue
            if values is not None:
                for name in {variable.array.name for variable in variables}:
                    del self._arrays[path][name]
                for element, value in values.items():
                    yield path + escape_name(element), value

    def _arrays_of_several_names(self) -> Iterator[tuple[str, list[_Variable]]]:
        """Yield the path and the assignments of arrays whose parts have several names."""
        groups: dict[tuple[str, str], list[_Variable]] = {}
        if all(variable.array.name.isidentifier() for variable in self.variables):
            return
        for variable in self.variables:
            name = without_subscripts(variable.array.name)
            groups.setdefault((variable.array.path, name), []).append(variable)
        for (path, _), variables in groups.items():
            if len({variable.array.name for variable in variables}) > 1:
                yield path, variables

    def _without_lines_left_out(self, text: str) -> str:
        """Return the text of a user with blanks for the lines that CIME leaves out."""
        for match in _LEFT_OUT.finditer(text):
            if match[0][0] != "!" and "=" in match[0] and len(self.unknown) < _MAX_UNKNOWN:
                self.unknown.append((match.start(), match[0][:_MAX_UNKNOWN_TEXT].strip()))
        return _LEFT_OUT.sub(lambda match: " " * len(match[0]), text)

    def _read_group(self, start: int) -> int:
        """Read a group; return the position after its end, or the length of the text."""
        for match in _TOKEN.finditer(self._text, start):
            kind = match.lastgroup
            if kind is not None and kind != "comment":
                self._takers[kind](match[kind], match.start(kind))
                if not self._path:
                    return match.end()
        return len(self._text)

    def _next_group(self, start: int) -> int:
        """Return the position of the next group; outside of groups, quotes have no meaning."""
        for match in _OUTSIDE.finditer(self._text, start):
            if match["group"]:
                return match.start()
            if match["other"]:
                self._report(match.start())
        return len(self._text)

    def _take_group(self, token: str, position: int) -> None:
        name = token[1:].lower()
        if name == "end":
            self._take_end(token, position)
            return
        self._finish()
        if self._group is not None:
            self._report_group()
        self.groups[name] += 1
        number = self.groups[name]
        self._group, self._group_start = name, position
        names = (name,) if number == 1 else (name, str(number))
        self._path = f"{join_key(self._file, *names)}."

    def _take_end(self, _token: str, position: int) -> None:
        self._finish()
        if self._group is None:
            self._report(position)
        self._group = None
        self._path = "" if self._has_groups else f"{join_key(self._file)}."

    def _take_name(self, token: str, position: int) -> None:
        self._finish()
        if len(self.variables) == _MAX_VALUES:
            raise ParseError("too_many_values", f"there are more than {_MAX_VALUES} variables")
        adds = token.endswith("+=")
        name, section = token[: -2 if adds else -1].rstrip().lower(), None
        if not name.isidentifier():
            name = _NUMBER_OF_SUBSCRIPT.sub(r"\g<minus>\g<digits>", "".join(name.split()))
            name, section = split_name(name)
        arrays = self._arrays.setdefault(self._path, {})
        array = arrays.get(name)
        if array is None:
            array = arrays[name] = Array(self._path, name)
        self._variable = _Variable(array, section, adds, position, position + len(token))

    def _take_word(self, token: str, position: int) -> None:
        value = literal(token)
        if value is not None:
            if type(value) is bool and not self._is_due() and not is_plain_logical(token):
                self._report(position)
            self._append(value, token, position)
        elif repeat := _REPEAT.fullmatch(token) if "*" in token else None:
            self._take_repeated(repeat["value"], int(repeat["count"]), token, position)
        elif _ASSIGN.match(self._text, position + len(token)):  # it is no name
            self._finish()
            self._report(position)
        else:
            self._append_text(token, token, position)

    def _take_repeated(self, text: str, count: int, token: str, position: int) -> None:
        """Append copies of a value; without a value they are null."""
        value = literal(text) if text else None
        if value is None and text:
            self._append_text(text, token, position, count)
        else:
            self._append(value, token, position, count)

    def _take_string(self, token: str, position: int) -> None:
        if self._variable is not None and self._variable.end == position and not self._is_due():
            self._report(position)  # there is nothing between two values
        self._append(character_literal(token), token, position)

    def _take_boz(self, token: str, position: int) -> None:
        count, _, constant = token.rpartition("*")
        value = boz_literal(constant)
        append = self._append_text if value is None else self._append
        append(value or constant, token, position, int(count or 1))

    def _take_complex(self, token: str, position: int) -> None:
        value = complex_literal(token)
        append = self._append_text if value is None else self._append
        append(value or token, token, position)

    def _take_repeat(self, token: str, _position: int) -> None:
        self._repeat = int(token[:-1])

    def _take_comma(self, token: str, position: int) -> None:
        """End a value at a comma; an empty one is null."""
        variable = self._variable
        if variable is None:
            return
        if variable.is_open:
            self._append(None, token, position)
        variable.end, variable.is_open = position + 1, True

    def _take_assign(self, token: str, position: int) -> None:
        """Report an equals sign that follows no name; to whom the next values belong is unknown."""
        if self._variable is not None:
            self._variable.end = position + len(token)
        self._finish()
        self._report(position)

    def _take_stray(self, _token: str, position: int) -> None:
        self._report(position)

    def _refuse_open_string(self, _token: str, position: int) -> None:
        line = self._text.count("\n", 0, position) + 1
        raise ParseError("unterminated_string", f"the string in line {line} has no end")

    def _append_text(self, text: str, token: str, position: int, count: int = 1) -> None:
        """Append what is no constant: it is text where a value is due, otherwise a stray word."""
        if not self._is_due() or text in "()":
            self._report(position)
        self._append(text, token, position, count)

    def _is_due(self) -> bool:
        """Return whether a value must come next, as after an equals sign or a comma."""
        return self._variable is not None and self._variable.is_open

    def _append(self, value: Any, token: str, position: int, count: int = 1) -> None:
        count, self._repeat = count * self._repeat, 1
        self._count += count
        if self._count > _MAX_VALUES:
            raise ParseError("too_many_values", f"there are more than {_MAX_VALUES} values")
        variable = self._variable
        if variable is None:
            self._report(position)
            return
        if count == 1:
            variable.values.append(value)
        else:
            variable.values.extend([value] * count)
        variable.end, variable.is_open = position + len(token), False

    def _finish(self) -> None:
        """Assign the values of the variable, if one is being read."""
        variable, self._variable = self._variable, None
        if variable is None:
            return
        self.variables.append(variable)
        array, section, values = variable.array, variable.section, variable.values
        if section is None:
            (array.add if variable.adds else array.assign)(values)
        elif variable.adds:
            array.add_to_section(section, values)
        elif not array.assign_section(section, values):
            self._report(variable.start)

    def _report(self, position: int) -> None:
        """Note that the line of a position is not understood, unless that is noted."""
        if position >= self._reported:
            self._reported = self._note(position)

    def _note(self, position: int) -> int:
        """Note that the line of a position is not understood; return the position of its end."""
        start = self._text.rfind("\n", 0, position) + 1
        end = self._text.find("\n", position)
        end = len(self._text) if end < 0 else end
        if position - start > _MAX_UNKNOWN_TEXT // 2:
            start = position
        if len(self.unknown) < _MAX_UNKNOWN:
            text = self._text[start : min(end, start + _MAX_UNKNOWN_TEXT)]
            self.unknown.append((position, text.strip()))
        return end

    def _report_group(self) -> None:
        if len(self.unknown) < _MAX_UNKNOWN:
            self.unknown.append((self._group_start, f"the group {self._group} has no end"))
