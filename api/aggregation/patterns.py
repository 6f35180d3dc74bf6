"""Regular expressions of a pipeline: only texts, at the beginning, at the end or anywhere.

MongoDB matches patterns by backtracking and, within one value, does not look at the time. What
is found letter by letter is found in one pass.
"""

from typing import Any

from api.aggregation.errors import PipelineError

MOST_CHARACTERS = 256
_META = frozenset(".^$*+?()[]{}|\\")
_ADVICE = (
    "a pattern is a text that stands for itself, with \\ before each of .^$*+?()[]{}|\\ in it, ^"
    " before it for the beginning, $ behind it for the end"
)


def check_pattern(pattern: Any, place: str) -> str:
    """Return a pattern that finds a text letter by letter."""
    if not isinstance(pattern, str) or not 0 < len(pattern) <= MOST_CHARACTERS:
        raise PipelineError(place, f"{_ADVICE}; it has 1 to {MOST_CHARACTERS} characters.")
    if "\0" in pattern or pattern.startswith("$") or not _is_literal(pattern.removeprefix("^")):
        raise PipelineError(place, f"{_ADVICE}.")
    return pattern


def check_options(options: Any, place: str) -> str:
    """Return the options of a pattern: `i` at most, for capitals do not matter."""
    if options not in ("", "i"):
        raise PipelineError(place, "the only option is i.")
    return str(options)


def _is_literal(text: str) -> bool:
    """Tell whether a pattern is a text, with its metacharacters escaped, that `$` may end."""
    position = 0
    while position < len(text):
        if text[position] == "\\":
            if text[position + 1 : position + 2] not in _META:
                return False
            position += 2
        elif text[position] in _META:
            return text[position] == "$" and position == len(text) - 1
        else:
            position += 1
    return True
