"""Constants as Fortran reads them from namelists, list-directed.

integer    7  +7  007  5_i4
real       1.5  1.  .5  6.0D-1  1+6  1.5-3  inf  -Infinity  NaN  nan(x56)
logical    t, f, .t or .f in any case, and whatever follows: .true.  F  .TEXAS$
complex    (1.0, 2.0), over several lines too
BOZ        z'ff'  'ff'x  o"17"  b'101'
"""

import math
import re

Value = str | int | float | bool

_INTEGER = re.compile(r"(?P<digits>[+-]?[0-9]++)(?:_\w+)?")
_REAL = re.compile(
    r"(?P<mantissa>[+-]?(?:[0-9]++\.[0-9]*+|\.[0-9]++|[0-9]++(?=[eEdDqQ+-])))"
    r"(?P<exponent>(?:[eEdDqQ][+-]?|[+-])[0-9]{1,9})?(?:_\w+)?"
)
_NON_FINITE = re.compile(
    r"(?:\+?(?P<positive>inf(?:inity)?)|-(?P<negative>inf(?:inity)?)"
    r"|[+-]?(?P<nan>nan(?:\([^()]*\))?))",
    re.IGNORECASE,
)
_NON_FINITE_TEXTS = {"positive": "Infinity", "negative": "-Infinity", "nan": "NaN"}
_LOGICALS = {"t": True, "T": True, "f": False, "F": False}
_PLAIN_LOGICAL = re.compile(r"\.?(?:t|true|f|false)\.?(?:_\w+)?", re.IGNORECASE)
_DIGITS = {"b": frozenset("01"), "o": frozenset("01234567"), "z": frozenset("0123456789abcdef")}
_MAX_INT64 = 2**63
_MAX_DIGITS = 20


def literal(token: str) -> Value | None:
    """Return the value of an unquoted constant, in the type of its notation; None if it is none.

    Numbers that are too large for a double or for 64 bits are texts, unchanged. Infinite values and
    those that are no number are `Infinity`, `-Infinity` and `NaN`, because JSON has none of them.
    """
    logical = _LOGICALS.get(token[token.startswith(".") :][:1])
    if logical is not None:
        return logical
    integer = _INTEGER.fullmatch(token)
    if integer is not None:
        digits = integer["digits"]
        number = int(digits) if len(digits) <= _MAX_DIGITS else _MAX_INT64
        return number if -_MAX_INT64 <= number < _MAX_INT64 else token
    real = _REAL.fullmatch(token)
    if real is not None:
        exponent = (real["exponent"] or "0").lstrip("eEdDqQ")
        value = float(f"{real['mantissa']}e{exponent}")
        return value if math.isfinite(value) else token
    return _rare_literal(token)


def is_plain_logical(token: str) -> bool:
    """Return whether a logical is written as people write it: a word such as `Fortune` is not."""
    return _PLAIN_LOGICAL.fullmatch(token) is not None


def _rare_literal(token: str) -> str | None:
    non_finite = _NON_FINITE.fullmatch(token)
    if non_finite is not None:
        return _NON_FINITE_TEXTS[str(non_finite.lastgroup)]
    return complex_literal(token) if token.startswith("(") else None


def complex_literal(token: str) -> str | None:
    """Return the value of a complex constant as text, such as `(1.0,-2.0)`; None if it is none."""
    parts = [_part(part.strip()) for part in token[1:-1].split(",", 2)]
    if len(parts) != 2 or None in parts:
        return None
    return f"({parts[0]},{parts[1]})"


def _part(token: str) -> str | None:
    value = literal(token) if token and token[0] != "(" else None
    if type(value) in {int, float}:
        return repr(float(value))  # type: ignore[arg-type]
    return value if value in _NON_FINITE_TEXTS.values() else None  # type: ignore[return-value]


def boz_literal(token: str) -> str | None:
    """Return a BOZ constant, such as `z'ff'`; None when its digits are not of its base."""
    before, digits, after = token.lower().replace('"', "'").split("'")
    base = (before or after).replace("x", "z")
    return f"{base}'{digits}'" if _DIGITS[base].issuperset(digits) else None


def character_literal(token: str) -> str:
    """Return the text of a character constant without trailing blanks, which Fortran ignores."""
    quote = token[0]
    text = token[1:-1]
    return (text.replace(quote * 2, quote) if quote in text else text).rstrip(" ")
