"""The second, slower pass over JSON that was refused: it finds the place of the first fault."""

import json
import math
import re
from dataclasses import dataclass, field

from models.json.places import JsonError, join_place

DUPLICATE_KEY = "the key occurs twice in its object"
LONE_SURROGATE = "half of a surrogate pair is alone"
NOT_A_VALUE = "{} is not a value of JSON"
NUL_IN_KEY = "the key contains a NUL character"
TOO_DEEP = "nested more than {} deep"
_MAX_INT64 = 2**63
_MAX_DIGITS = 20  # of an integer with 64 bits, with its sign
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


def integer_fault(text: str) -> str:
    """Return why an integer cannot be stored; empty when it can."""
    if len(text) <= _MAX_DIGITS and -_MAX_INT64 <= int(text) < _MAX_INT64:
        return ""
    return "the number has more than 64 bits"


def float_fault(text: str) -> str:
    """Return why a number with a fraction or an exponent cannot be stored; empty when it can."""
    try:
        return "" if math.isfinite(float(text)) else "the number is too large"
    except ValueError:
        return "this is not a number"


def _is_unicode(text: str) -> bool:
    """Return whether no half of a surrogate pair is alone in a text."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def find_fault(
    text: str, start: int, place: str, depth: int, error: Exception
) -> tuple[JsonError, int | None]:
    """Return the first fault of the value at `start`, and where the value ends.

    `place` is the place of the value, `depth` how deeply it may be nested, and `error` why the
    first pass refused it. There is no end when the value is not JSON.
    """
    return _Scan(text, start, place, depth).run(error)


@dataclass(slots=True)
class _Open:
    """An array or object that is open; `at` is the current index or key in it."""

    is_object: bool
    at: str | int
    awaits_key: bool
    keys: set[str] = field(default_factory=set)


class _Scan:
    """Goes through the tokens of one value, and notes the first fault.

    It accepts more than JSON: where the text stops being JSON, the error of the first pass says.
    """

    def __init__(self, text: str, start: int, place: str, depth: int) -> None:
        self._text, self._start, self._place, self._depth = text, start, place, depth
        self._open: list[_Open] = []
        self._too_deep = 0
        self._error: JsonError | None = None

    def run(self, error: Exception) -> tuple[JsonError, int | None]:
        """Return the first fault, and where the value ends if it is JSON."""
        broken = error if isinstance(error, json.JSONDecodeError) else None
        position = self._start
        while True:
            if broken is not None and position >= broken.pos:
                return self._not_json(f"{broken.msg} at character {broken.pos}"), None
            match = _TOKEN.match(self._text, position)
            if match is None:
                return self._not_json(f"not JSON at character {position}"), None
            position = match.end()
            if match.lastgroup != "blank":
                self._take(match.lastgroup or "", match[0])
                if not self._open:
                    return self._not_json(str(error)), position

    def _not_json(self, detail: str) -> JsonError:
        """Return the fault that was noted; when there is none, the value is not JSON."""
        return self._error or JsonError("not_json", self._path(), detail)

    def _take(self, kind: str, lexeme: str) -> None:
        innermost = self._open[-1] if self._open else None
        if kind == "mark" and (self._too_deep or lexeme in "{["):
            self._nest(lexeme)
        elif self._too_deep:
            return
        elif kind == "mark":
            self._mark(lexeme, innermost)
        elif kind == "string":
            self._string(lexeme, innermost)
        elif kind == "number":
            is_integer = lexeme.lstrip("-").isdigit()
            if detail := integer_fault(lexeme) if is_integer else float_fault(lexeme):
                self._note("bad_number", detail)
        elif lexeme not in _WORDS:
            self._note("bad_number", NOT_A_VALUE.format(lexeme[:20]))

    def _nest(self, mark: str) -> None:
        """Open an array or object; below the depth limit, only count the open ones."""
        if mark in "{[":
            if len(self._open) < self._depth:
                self._open.append(_Open(mark == "{", "" if mark == "{" else 0, mark == "{"))
                return
            self._note("too_deep", TOO_DEEP.format(self._depth))
            self._too_deep += 1
        elif mark in "}]":
            self._too_deep -= 1

    def _mark(self, mark: str, innermost: _Open | None) -> None:
        if innermost is None:
            return
        if mark in "}]":
            self._open.pop()
        elif mark == ":":
            innermost.awaits_key = False
        elif innermost.is_object:
            innermost.awaits_key = True
        else:
            assert isinstance(innermost.at, int)
            innermost.at += 1

    def _string(self, lexeme: str, innermost: _Open | None) -> None:
        try:
            text = json.loads(lexeme)
        except ValueError:
            return
        if innermost is not None and innermost.awaits_key:
            innermost.at = text if _is_unicode(text) else "?"
            if text in innermost.keys:
                self._note("duplicate_key", DUPLICATE_KEY)
            elif "\0" in text:
                self._note("bad_text", NUL_IN_KEY)
            innermost.keys.add(text)
        if not _is_unicode(text):
            self._note("bad_text", LONE_SURROGATE)

    def _note(self, reason: str, detail: str) -> None:
        if self._error is None:
            self._error = JsonError(reason, self._path(), detail)

    def _path(self) -> str:
        path = self._place
        for level in self._open:
            if level.is_object:
                path = join_place(path, str(level.at)) if level.at else path
            else:
                path = f"{path}[{level.at}]"
        return path
