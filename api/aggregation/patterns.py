"""Regular expressions of a pipeline: only literal texts, at the beginning, the end or anywhere.

MongoDB matches patterns by backtracking and does not check the time limit within one value. A
literal text needs no backtracking.
"""

from typing import Any

from api.aggregation.errors import PipelineError

MAX_CHARACTERS = 256
_META = frozenset(".^$*+?()[]{}|\\")
_ADVICE = (
    "a pattern is a literal text: put \\ before each of .^$*+?()[]{}|\\ in it, start it with ^ to"
    " match at the beginning, end it with $ to match at the end"
)


def check_pattern(pattern: Any, place: str) -> str:
    """Return the pattern when it is a literal text, perhaps with `^` before or `$` after it."""
    if not isinstance(pattern, str) or not 0 < len(pattern) <= MAX_CHARACTERS:
        raise PipelineError(place, f"{_ADVICE}; it has 1 to {MAX_CHARACTERS} characters.")
    if "\0" in pattern or pattern.startswith("$") or not _is_literal(pattern.removeprefix("^")):
        raise PipelineError(place, f"{_ADVICE}.")
    return pattern


def check_options(options: Any, place: str) -> str:
    """Return the options of a pattern: none, or `i`, which ignores case."""
    if options not in ("", "i"):
        raise PipelineError(place, "the only option is i.")
    return str(options)


def _is_literal(text: str) -> bool:
    """Return whether all metacharacters are escaped, except for a `$` at the end."""
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
