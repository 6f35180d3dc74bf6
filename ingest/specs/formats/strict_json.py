"""JSON read strictly: nothing is guessed, bent or lost, and every fault is told with its place.

Refused are what JSON does not have (NaN, Infinity, comments, other encodings), what cannot come
back equal (keys that stand twice, numbers out of range, halves of surrogate pairs), and what is too
much: bytes, values, depth. The quick reader of the standard library reads what is sound; only for
text that it, or a check, finds at fault is the place looked for by a second, slower pass. Both are
linear, and neither fails by recursion.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from models.errors import ParseError
from models.spack.graph import SpecError, join_place

_MIB = 2**20
_MAX_INT64 = 2**63
_LONGEST_NUMBER = 400
_BLANKS = " \t\n\r"
_BLANK = re.compile(r"[ \t\n\r]*+")
_SUSPICIOUS = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\n\r]+)
  | (?P<string>"(?:[^"\\\x00-\x1f]++|\\.)*+")
  | (?P<number>-?[0-9][0-9.eE+-]*+)
  | (?P<word>-?[A-Za-z]++)
  | (?P<mark>[\[\]{},:])
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"true", "false", "null"}
_NESTED = frozenset({dict, list})
_END_OF_KEY = '":'


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read: of a file, and of what is in it.

    `values` bounds the memory that JSON takes when it is read; in NDJSON it is for each line.
    """

    size: int = 128 * _MIB
    values: int = 4_000_000
    depth: int = 64
    nodes: int = 20_000
    records: int = 200_000


@dataclass(frozen=True, slots=True)
class Value:
    """One of the values of a text, or why it cannot be read."""

    place: str
    content: Any = None
    error: SpecError | None = None
    end: int | None = None
    """Where it ends in its text; None when that cannot be told."""


class _FaultError(Exception):
    """There is a fault in the text; where, the second pass tells."""


def decode(data: bytes, limits: Limits) -> str:
    """Return the text of a file; ParseError `empty`, `too_large` or `not_utf8`."""
    if len(data) > limits.size:
        raise ParseError("too_large", f"the file has more than {limits.size} bytes")
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ParseError("not_utf8", f"byte {error.start} is not UTF-8") from error
    if not text.strip(_BLANKS + "\0"):
        raise ParseError("empty", "there is nothing in the file")
    return text


def parse(text: str, limits: Limits, place: str = "") -> Any:
    """Return the single value of a text; SpecError when there is a fault or something follows."""
    reader = _Reader(text, limits)
    read = reader.read(reader.skip(0), place)
    if read.error is not None:
        raise read.error
    if read.end is None or reader.skip(read.end) != len(text):
        raise SpecError("not_json", place, f"something follows the JSON at character {read.end}")
    return read.content


def values(text: str, limits: Limits) -> Iterator[Value]:
    """Give the values of a text: of NDJSON, of an array, one after the other, or a single one.

    One that has a fault costs itself; after one that is no JSON at all, only NDJSON goes on.
    """
    if _is_lines(text):
        return _lines(text, limits)
    reader = _Reader(text, limits)
    start = reader.skip(0)
    return _items(reader, start) if text.startswith("[", start) else _sequence(reader, start)


def _is_lines(text: str) -> bool:
    """Tell whether each line is a value: the first closes what it opens, and others follow."""
    first, _, rest = text.strip(_BLANKS).partition("\n")
    return bool(rest) and first.startswith("{") and first.rstrip().endswith("}")


def _lines(text: str, limits: Limits) -> Iterator[Value]:
    start, number = 0, 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end]
        start, number = end + 1, number + 1
        if line.strip(_BLANKS):
            place = f"line {number}"
            try:
                yield Value(place, parse(line, limits, place))
            except SpecError as error:
                yield Value(place, error=error)


def _sequence(reader: "_Reader", start: int) -> Iterator[Value]:
    place, count = "", 1
    while start < len(reader.text):
        read = reader.read(start, place)
        yield read
        if read.end is None:
            return
        count += 1
        start, place = reader.skip(read.end), f"value {count}"


def _items(reader: "_Reader", start: int) -> Iterator[Value]:
    """Give the items of an array; what follows the array is a fault."""
    text, index = reader.text, 0
    start = reader.skip(start + 1)
    if text.startswith("]", start):
        yield from _nothing_follows(reader, start + 1)
        return
    while True:
        read = reader.read(start, f"[{index}]")
        yield read
        if read.end is None:
            return
        index += 1
        start = reader.skip(read.end)
        if text.startswith("]", start):
            yield from _nothing_follows(reader, start + 1)
            return
        if not text.startswith(",", start):
            yield _broken(f"[{index}]", f"the array neither goes on nor ends at character {start}")
            return
        start = reader.skip(start + 1)


def _nothing_follows(reader: "_Reader", start: int) -> Iterator[Value]:
    if reader.skip(start) != len(reader.text):
        yield _broken("", f"something follows the array at character {start}")


def _broken(place: str, detail: str) -> Value:
    return Value(place, error=SpecError("not_json", place, detail))


class _Reader:
    """Reads values out of a text of which it has been found out once what to beware of."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.text = text
        self._limits = limits
        count = text.count(",") + text.count("[") + text.count("{")
        self._is_too_much = count > limits.values
        self._is_suspicious = _SUSPICIOUS.search(text) is not None
        self._ends_tell_keys = not any(f"{blank}:" in text for blank in _BLANKS)

    def skip(self, position: int) -> int:
        """Return where the blanks at a position end."""
        match = _BLANK.match(self.text, position)
        return match.end() if match else position

    def read(self, start: int, place: str) -> Value:
        """Return the value at `start`, which is not blank."""
        if self._is_too_much:
            detail = f"there are more than {self._limits.values} values"
            return Value(place, error=SpecError("too_many_values", place, detail))
        if self._is_suspicious:
            found = _Scan(self.text, start, place, self._limits.depth).run()
            if found.error is not None:
                return found
        try:
            content, end = _QUICK.raw_decode(self.text, start)
            count = _count_keys(content, self._limits.depth)
            if not self._ends_tell_keys or count != self.text.count(_END_OF_KEY, start, end):
                content, end = _THOROUGH.raw_decode(self.text, start)
        except (ValueError, RecursionError, _FaultError) as fault:
            return _Scan(self.text, start, place, self._limits.depth).run(fault)
        return Value(place, content, end=end)


def _count_keys(value: Any, limit: int) -> int:
    """Return how many keys the objects in a value have; _FaultError when it is too deep.

    When no more ends of keys stand in its text, no key stands twice.
    """
    count = 0
    level = [value] if type(value) in _NESTED else []
    for _ in range(limit):
        if not level:
            return count
        count += sum([len(each) for each in level if type(each) is dict])
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _NESTED
        ]
    if level:
        raise _FaultError
    return count


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _FaultError
    return found


def _integer(text: str) -> int:
    if _number_fault(text):
        raise _FaultError
    return int(text)


def _float(text: str) -> float:
    if _number_fault(text):
        raise _FaultError
    return float(text)


def _constant(_: str) -> Any:
    raise _FaultError


_QUICK = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=_constant)
_THOROUGH = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _number_fault(text: str) -> str:
    """Return why a number cannot be kept as it is; empty when it can."""
    if len(text) > _LONGEST_NUMBER:
        return "the number is too long"
    if text.lstrip("-").isdigit():
        return "" if -_MAX_INT64 <= int(text) < _MAX_INT64 else "the number has more than 64 bits"
    try:
        return "" if math.isfinite(float(text)) else "the number is too large"
    except ValueError:
        return "this is no number"


@dataclass(slots=True)
class _Frame:
    """An array or object that is open, and where in it the scan is."""

    is_object: bool
    at: str | int
    awaits_key: bool
    keys: set[str] = field(default_factory=set)


class _Scan:
    """The second pass: finds the place of the first fault, and where the value ends.

    It does not find out what is no JSON; the quick reader's error tells at which character.
    """

    def __init__(self, text: str, start: int, place: str, depth: int) -> None:
        self._text, self._start, self._place, self._depth = text, start, place, depth
        self._frames: list[_Frame] = []
        self._too_deep = 0
        self._error: SpecError | None = None

    def run(self, fault: Exception | None = None) -> Value:
        """Return the first fault, with the end of the value where it has one."""
        broken = fault if isinstance(fault, json.JSONDecodeError) else None
        position = self._start
        while True:
            if broken is not None and position >= broken.pos:
                return self._no_json(f"{broken.msg} at character {broken.pos}")
            match = _TOKEN.match(self._text, position)
            if match is None:
                return self._no_json(f"not JSON at character {position}")
            position = match.end()
            if match.lastgroup != "blank":
                self._take(match.lastgroup or "", match[0])
                if not self._frames:
                    return Value(self._place, error=self._error, end=position)

    def _no_json(self, detail: str) -> Value:
        error = self._error or SpecError("not_json", self._path(), detail)
        return Value(self._place, error=error)

    def _take(self, kind: str, text: str) -> None:
        frame = self._frames[-1] if self._frames else None
        if kind == "mark" and (self._too_deep or text in "{["):
            self._nest(text)
        elif self._too_deep:
            return
        elif kind == "mark":
            self._mark(text, frame)
        elif kind == "string":
            self._string(text, frame)
        elif kind == "number" and (detail := _number_fault(text)):
            self._note("bad_number", detail)
        elif kind == "word" and text not in _WORDS:
            self._note("bad_number", f"{text[:20]} is no value of JSON")

    def _nest(self, mark: str) -> None:
        """Open a frame; below the deepest that may be, only count what opens and closes."""
        if mark in "{[":
            if len(self._frames) < self._depth:
                self._frames.append(_Frame(mark == "{", "" if mark == "{" else 0, mark == "{"))
                return
            self._note("too_deep", f"more than {self._depth} arrays and objects in each other")
            self._too_deep += 1
        elif mark in "}]":
            self._too_deep -= 1

    def _mark(self, mark: str, frame: _Frame | None) -> None:
        if frame is None:
            return
        if mark in "}]":
            self._frames.pop()
        elif mark == ":":
            frame.awaits_key = False
        elif frame.is_object:
            frame.awaits_key = True
        else:
            assert isinstance(frame.at, int)
            frame.at += 1

    def _string(self, text: str, frame: _Frame | None) -> None:
        try:
            value = json.loads(text)
        except ValueError:
            return
        if frame is not None and frame.awaits_key:
            frame.at = value if _is_unicode(value) else "?"
            if value in frame.keys:
                self._note("duplicate_key", "the key stands twice in its object")
            elif "\0" in value:
                self._note("bad_text", "the key holds a NUL character")
            frame.keys.add(value)
        if not _is_unicode(value):
            self._note("bad_text", "half of a surrogate pair stands alone")

    def _note(self, reason: str, detail: str) -> None:
        if self._error is None:
            self._error = SpecError(reason, self._path(), detail)

    def _path(self) -> str:
        path = self._place
        for frame in self._frames:
            if frame.is_object:
                path = join_place(path, str(frame.at)) if frame.at else path
            else:
                path = f"{path}[{frame.at}]"
        return path


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
