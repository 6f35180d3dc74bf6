"""The patterns in attributes of env_mach_specific.xml, matched as CIME does, but in bounded time.

CIME takes them for Python's regular expressions and matches `pattern + "$"` from the beginning of a
value. So of alternatives without parentheses only the last has to reach the end: `intel|gnu` fits
`intelgpu`, while `(intel|gnu)` does not.

What these attributes are made of is read here: text, `.`, sets such as `[0-9]`, groups, `|` and the
quantifiers `*`, `+`, `?` and `{2,3}`. A pattern becomes a nondeterministic automaton (Glushkov's):
its states are the places of the pattern that stand for one character, and all run at the same time,
so that there is no backtracking. States are the bits of an integer:

    gnu9*   states g 1, n 2, u 4, 9 8   first 1   last 4 and 8   after u: 8   after 9: 8
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_MAX_PATTERN = 64
_MAX_TEXT = 256
_MAX_STEPS = 512
_MAX_NESTING = 16
_MAX_REPEATS = 64
_SPECIAL = frozenset("()[]{}*+?|^$\\")
_CLASSES = {"d": "09", "w": "azAZ09__", "s": "  \t\r"}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}


class UnsupportedError(Exception):
    """The pattern is none of the forms that are read, or it or the text is too long."""


@lru_cache(maxsize=4096)
def matches(pattern: str, text: str) -> bool:
    """Return what CIME finds when it compares a value with a pattern; or raise UnsupportedError."""
    if pattern.replace("-", "").replace("_", "").isalnum():
        return pattern == text
    if len(pattern) > _MAX_PATTERN or len(text) > _MAX_TEXT:
        raise UnsupportedError
    return _Automaton(pattern).accepts(text)


@dataclass(frozen=True, slots=True)
class _Characters:
    """A set of characters: pairs of the first and the last of each range, or all others."""

    ranges: str
    is_negated: bool = False

    def has(self, character: str) -> bool:
        pairs = zip(self.ranges[::2], self.ranges[1::2], strict=True)
        return any(low <= character <= high for low, high in pairs) != self.is_negated


_ANY = _Characters("", is_negated=True)
_ANY_IN_LINE = _Characters("\n\n", is_negated=True)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a pattern: whether it can be empty, and the states that can begin and end it."""

    is_optional: bool = True
    first: int = 0
    last: int = 0


class _Automaton:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = self._steps = self._nesting = 0
        self._characters: list[_Characters] = []
        self._followers: list[int] = []
        self._whole = self._read_whole()

    def accepts(self, text: str) -> bool:
        """Return whether the automaton can reach its end with the end of the text."""
        states, reached = self._whole.first, 0
        for character in text:
            reached = 0
            following = 0
            for state in _bits(states):
                if self._characters[state].has(character):
                    reached |= 1 << state
                    following |= self._followers[state]
            states = following
        return bool(reached & self._whole.last) if text else self._whole.is_optional

    def _read_whole(self) -> _Part:
        whole: _Part | None = None
        while True:
            alternative, is_anchored = self._read_alternative()
            is_last = not self._takes("|")
            if is_last and self._position < len(self._pattern):
                raise UnsupportedError
            if not is_last and not is_anchored:
                alternative = self._join(alternative, self._repeat(self._add(_ANY), 0, None))
            whole = alternative if whole is None else _either(whole, alternative)
            if is_last:
                return whole

    def _read_alternative(self) -> tuple[_Part, bool]:
        """Read up to the next `|`; return also whether it ends in `$`."""
        self._takes("^")
        return self._read_sequence(), self._takes("$")

    def _read_sequence(self) -> _Part:
        sequence = _Part()
        while self._peek() not in {"", "|", ")", "$"}:
            sequence = self._join(sequence, self._read_repeated())
        return sequence

    def _read_repeated(self) -> _Part:
        start = self._position
        part = self._read_one()
        low, high = self._read_quantifier()
        end = self._position
        if (low, high) == (1, 1):
            return part
        if high is None and low <= 1:
            return self._repeat(part, low, high)
        copies = _Part()
        for count in range(high if high is not None else low + 1):
            self._position = start
            copy = self._read_one() if count else part
            is_star = high is None and count == low
            copies = self._join(
                copies, self._repeat(copy, int(count < low), None if is_star else 1)
            )
        self._position = end
        return copies

    def _read_quantifier(self) -> tuple[int, int | None]:
        """Return the least and the greatest number of times; None means any number."""
        if self._takes("*"):
            limits: tuple[int, int | None] = (0, None)
        elif self._takes("+"):
            limits = (1, None)
        elif self._takes("?"):
            limits = (0, 1)
        elif self._takes("{"):
            limits = self._read_counts()
        else:
            return 1, 1
        if self._peek() in {"*", "+", "?", "{"}:
            raise UnsupportedError
        return limits

    def _read_counts(self) -> tuple[int, int | None]:
        text, brace, _ = self._pattern[self._position :].partition("}")
        low, comma, high = text.partition(",")
        if not brace or not low.isdecimal() or not (high or "0").isdecimal():
            raise UnsupportedError
        self._position += len(text) + 1
        least, most = int(low), int(high) if high else None
        if not comma:
            most = least
        if max(least, most or 0) > _MAX_REPEATS or (most is not None and most < max(least, 1)):
            raise UnsupportedError
        return least, most

    def _read_one(self) -> _Part:
        """Read a character, a set or a group."""
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise UnsupportedError
        character = self._next()
        if character == "(":
            return self._read_group()
        if character == "[":
            return self._add(self._read_set())
        if character == ".":
            return self._add(_ANY_IN_LINE)
        if character == "\\":
            return self._add(_Characters(self._read_escaped()))
        if character in _SPECIAL:
            raise UnsupportedError
        return self._add(_Characters(character * 2))

    def _read_group(self) -> _Part:
        if self._takes("?") and not self._takes(":"):
            raise UnsupportedError
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise UnsupportedError
        group = self._read_sequence()
        while self._takes("|"):
            group = _either(group, self._read_sequence())
        if not self._takes(")"):
            raise UnsupportedError
        self._nesting -= 1
        return group

    def _read_set(self) -> _Characters:
        is_negated = self._takes("^")
        ranges = ""
        while not ranges or self._peek() != "]":
            ranges += self._read_range()
        self._next()
        return _Characters(ranges, is_negated)

    def _read_range(self) -> str:
        first = self._read_member()
        has_end = (
            self._peek() == "-" and self._pattern[self._position + 1 : self._position + 2] != "]"
        )
        if not has_end:
            return first
        self._next()
        last = self._read_member()
        if len(first) > 2 or len(last) > 2 or first[0] > last[0]:
            raise UnsupportedError
        return first[0] + last[0]

    def _read_member(self) -> str:
        character = self._next()
        return self._read_escaped() if character == "\\" else character * 2

    def _read_escaped(self) -> str:
        character = self._next()
        if character in _CLASSES:
            return _CLASSES[character]
        if character in _CONTROLS:
            return _CONTROLS[character] * 2
        if character.isalnum():
            raise UnsupportedError
        return character * 2

    def _peek(self) -> str:
        return self._pattern[self._position : self._position + 1]

    def _next(self) -> str:
        character = self._peek()
        if not character:
            raise UnsupportedError
        self._position += 1
        return character

    def _takes(self, character: str) -> bool:
        """Skip a character if it is the next one, and return whether it is."""
        is_next = self._peek() == character
        self._position += is_next
        return is_next

    def _add(self, characters: _Characters) -> _Part:
        state = 1 << len(self._characters)
        self._characters.append(characters)
        self._followers.append(0)
        return _Part(is_optional=False, first=state, last=state)

    def _join(self, one: _Part, other: _Part) -> _Part:
        for state in _bits(one.last):
            self._followers[state] |= other.first
        return _Part(
            one.is_optional and other.is_optional,
            one.first | (other.first if one.is_optional else 0),
            other.last | (one.last if other.is_optional else 0),
        )

    def _repeat(self, part: _Part, least: int, most: int | None) -> _Part:
        if most is None:
            for state in _bits(part.last):
                self._followers[state] |= part.first
        return _Part(part.is_optional or least == 0, part.first, part.last)


def _either(one: _Part, other: _Part) -> _Part:
    return _Part(
        one.is_optional or other.is_optional, one.first | other.first, one.last | other.last
    )


def _bits(states: int) -> Iterator[int]:
    while states:
        lowest = states & -states
        yield lowest.bit_length() - 1
        states ^= lowest
