"""JSON read strictly: nothing is guessed, changed or lost, and each fault is given with its place.

Refused is what is not JSON (NaN, Infinity, comments, encodings other than UTF-8), what would not be
the same when it is written again (keys that occur twice, numbers out of range, halves of surrogate
pairs), what MongoDB cannot store (NUL in a key), and what exceeds the limits of size, number of
values, and depth.

    decode ──> parse, parse_values ──> the value
                       └─ at a fault ──> faults.find_fault ──> JsonError with reason and place

The first pass is the parser of the standard library. Only a text in which it, or a check, finds a
fault is read a second time, to find the place. Both passes take linear time, and neither fails by
recursion.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from models.json.faults import (
    DUPLICATE_KEY,
    LONE_SURROGATE,
    NOT_A_VALUE,
    NUL_IN_KEY,
    TOO_DEEP,
    find_fault,
    float_fault,
    integer_fault,
)
from models.json.places import JsonError

_MIB = 2**20
_BLANKS = " \t\n\r"
_BLANK = re.compile(r"[ \t\n\r]*+")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NESTED = frozenset({dict, list})
_FREE_VALUES = 2**20  # in a text whose values are short
_VALUE_BYTES = 8  # of a longer text, for each value
_LOOSE_VALUES = 16_000_000


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """Limits of what is read: bytes, values, and nested arrays and objects.

    `values` bounds the memory of the result. In NDJSON it holds for each line. `items` bounds the
    values that follow each other in one text: lines, or items of an array. A text of more than a
    million values must also have eight bytes for each of them: in all that Spack writes, a value
    takes twelve at least. In a text of more than `located` characters the place of a fault is not
    looked for: that takes about two seconds per million tokens.
    """

    size: int = 128 * _MIB
    values: int = 6_000_000
    items: int = 200_000
    depth: int = 64
    located: int = 128 * _MIB


@dataclass(frozen=True, slots=True)
class Value:
    """One of the values of a text, or the reason why it cannot be read."""

    place: str
    content: Any = None
    error: JsonError | None = None


def decode(data: bytes | bytearray, limits: JsonLimits) -> str:
    """Return the text of a file, without a byte order mark.

    Raise JsonError with the reason `empty`, `too_large` or `not_utf8`.
    """
    if len(data) > limits.size:
        raise JsonError("too_large", "", f"more than {limits.size} bytes")
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise JsonError("not_utf8", "", f"byte {error.start} is not UTF-8") from error
    if not text.strip(_BLANKS + "\0"):
        raise JsonError("empty", "", "there is nothing in it")
    return text


def parse(text: str, limits: JsonLimits, place: str = "") -> Any:
    """Return the only value of a text, the keys of its objects in order.

    Raise JsonError with the reason `not_json` (also when something follows the value),
    `duplicate_key`, `bad_number`, `bad_text`, `too_deep` or `too_many_values`. Its path begins with
    `place`, the place of the text.
    """
    reader = _Reader(text, limits)
    value, end = reader.read(reader.skip(0), place)
    if value.error is not None:
        raise value.error
    if end is None or reader.skip(end) != len(text):
        raise JsonError("not_json", place, f"something follows the JSON at character {end}")
    return value.content


def parse_loosely(text: str) -> Any:
    """Return the only value of a text that is read for some of its fields only, and fast.

    Of a key that occurs twice the last value counts, and integers of more than 64 bits may be
    rounded; there may be 1024 levels. For every other fault raise JsonError as `parse` does.
    """
    limits = JsonLimits(values=_LOOSE_VALUES)
    if detail := _excess_of_values(text, limits.values):
        raise JsonError("too_many_values", "", detail)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return parse(text, limits)


def parse_values(text: str, limits: JsonLimits) -> Iterator[Value]:
    """Yield the values of a text: the lines of NDJSON, the items of an array, or a sequence.

    A faulty value does not affect the others. After one that is not JSON, only NDJSON continues.
    """
    if _is_ndjson(text):
        if detail := _excess_of_values(text, len(text), text.count("\n")):
            return iter([Value("", error=JsonError("too_many_values", "", detail))])
        return _limited(_lines(text, limits), limits)
    reader = _Reader(text, limits)
    start = reader.skip(0)
    values = _items(reader, start) if text.startswith("[", start) else _sequence(reader, start)
    return _limited(values, limits)


def _limited(values: Iterator[Value], limits: JsonLimits) -> Iterator[Value]:
    """Yield the values; when there are too many, end with a fault in place of the next one."""
    for number, value in enumerate(values):
        if number == limits.items:
            detail = f"more than {limits.items} values follow each other"
            yield Value(value.place, error=JsonError("too_many_values", value.place, detail))
            return
        yield value


def _is_ndjson(text: str) -> bool:
    """Return whether the first line opens and closes an object, and other lines follow."""
    first, _, rest = text.strip(_BLANKS).partition("\n")
    return bool(rest) and first.startswith("{") and first.rstrip().endswith("}")


def _lines(text: str, limits: JsonLimits) -> Iterator[Value]:
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
            except JsonError as error:
                yield Value(place, error=error)


def _sequence(reader: "_Reader", start: int) -> Iterator[Value]:
    place, count = "", 1
    while start < len(reader.text):
        value, end = reader.read(start, place)
        yield value
        if end is None:
            return
        count += 1
        start, place = reader.skip(end), f"value {count}"


def _items(reader: "_Reader", start: int) -> Iterator[Value]:
    """Yield the items of the array at `start`; anything after the array is a fault."""
    text, index = reader.text, 0
    start = reader.skip(start + 1)
    if text.startswith("]", start):
        yield from _check_end(reader, start + 1)
        return
    while True:
        value, end = reader.read(start, f"[{index}]")
        yield value
        if end is None:
            return
        index += 1
        start = reader.skip(end)
        if text.startswith("]", start):
            yield from _check_end(reader, start + 1)
            return
        if not text.startswith(",", start):
            yield _not_json(f"[{index}]", f"neither a comma nor ] at character {start}")
            return
        start = reader.skip(start + 1)


def _check_end(reader: "_Reader", start: int) -> Iterator[Value]:
    if reader.skip(start) != len(reader.text):
        yield _not_json("", f"something follows the array at character {start}")


def _not_json(place: str, detail: str) -> Value:
    return Value(place, error=JsonError("not_json", place, detail))


class _Reader:
    """Reads values at given positions of one text."""

    def __init__(self, text: str, limits: JsonLimits) -> None:
        self.text = text
        self._limits = limits
        self._excess = _excess_of_values(text, limits.values)
        self._has_surrogates = _SURROGATE.search(text) is not None
        self._has_nul = "\\u0000" in text

    def skip(self, position: int) -> int:
        """Return where the blanks at a position end."""
        match = _BLANK.match(self.text, position)
        return match.end() if match else position

    def read(self, start: int, place: str) -> tuple[Value, int | None]:
        """Return the value at `start`, which is not a blank, and where it ends if that is known."""
        if self._excess:
            return Value(place, error=JsonError("too_many_values", place, self._excess)), None
        try:
            content, end = _DECODER.raw_decode(self.text, start)
            _check_levels(content, self._limits.depth, has_nul=self._has_nul)
            if self._has_surrogates:
                json.dumps(content, ensure_ascii=False).encode()  # fails on half of a pair
        except (JsonError, ValueError, RecursionError) as fault:
            return self._refuse(start, place, fault)
        return Value(place, content), end

    def _refuse(self, start: int, place: str, fault: Exception) -> tuple[Value, int | None]:
        if len(self.text) <= self._limits.located:
            error, end = find_fault(self.text, start, place, self._limits.depth, fault)
            return Value(place, error=error), end
        reason, detail = _explain(fault, self._limits.depth)
        return Value(place, error=JsonError(reason, place, detail)), None


def _explain(fault: Exception, depth: int) -> tuple[str, str]:
    """Return the reason and the detail of what the first pass raised."""
    if isinstance(fault, JsonError):
        return fault.reason, fault.text
    if isinstance(fault, json.JSONDecodeError):
        return "not_json", f"{fault.msg} at character {fault.pos}"
    if isinstance(fault, UnicodeEncodeError):
        return "bad_text", LONE_SURROGATE
    return "too_deep", TOO_DEEP.format(depth)  # a RecursionError


def _excess_of_values(text: str, limit: int, lines: int = 0) -> str:
    """Return why a text may hold too many values, or "": each but the first follows one of `,[{`.

    `lines` are the lines that have a value of their own.
    """
    if len(text) <= min(limit, _FREE_VALUES):
        return ""
    count = text.count(",") + text.count("[") + text.count("{") + lines
    if count > limit:
        return f"more than {limit} values"
    if count > max(_FREE_VALUES, len(text) // _VALUE_BYTES):
        return f"more than {_FREE_VALUES} values, of less than {_VALUE_BYTES} characters on average"
    return ""


def _check_levels(content: Any, limit: int, *, has_nul: bool) -> None:
    """Raise JsonError when there are too many levels, or a NUL is in a key of any level."""
    level = [content] if type(content) in _NESTED else []
    for _ in range(limit):
        if not level:
            return
        if has_nul and any("\0" in key for at in level if type(at) is dict for key in at):
            raise JsonError("bad_text", "", NUL_IN_KEY)
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _NESTED
        ]
    if level:
        raise JsonError("too_deep", "", TOO_DEEP.format(limit))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise JsonError("duplicate_key", "", DUPLICATE_KEY)
    return content


def _integer(text: str) -> int:
    if detail := integer_fault(text):
        raise JsonError("bad_number", "", detail)
    return int(text)


def _float(text: str) -> float:
    if detail := float_fault(text):
        raise JsonError("bad_number", "", detail)
    return float(text)


def _constant(name: str) -> Any:
    raise JsonError("bad_number", "", NOT_A_VALUE.format(name))


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
