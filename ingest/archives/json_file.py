"""JSON files that Spack writes about a build: some of their fields are read."""

from typing import Any

from models.errors import ParseError
from models.json.places import JsonError
from models.json.reader import JsonLimits, decode, parse_loosely

_MAX_BYTES = 2**28
_MAX_INT64 = 2**63 - 1


def parse_object(content: bytes, limit: int = _MAX_BYTES) -> dict[str, Any]:
    """Return the JSON object in a file, its keys in order.

    `limit` is a number of bytes. Raise ParseError with the reason `too_large`, `not_json` (also
    for too deep nesting) or `not_object`.
    """
    try:
        document = parse_loosely(decode(content, JsonLimits(size=limit)))
    except JsonError as error:
        reason = "too_large" if error.reason == "too_large" else "not_json"
        raise ParseError(reason, error.detail[:300]) from error
    if not isinstance(document, dict):
        detail = f"the file holds a {type(document).__name__} and not an object"
        raise ParseError("not_object", detail)
    return document


def text_of(value: object, limit: int = 1000) -> str | None:
    """Return the first `limit` characters of a text; None for an empty text and other values."""
    return value[:limit] if isinstance(value, str) and value else None


def count_of(value: object) -> int | None:
    """Return a nonnegative integer that MongoDB can store; None for other values."""
    is_count = type(value) is int and 0 <= value <= _MAX_INT64
    return value if is_count else None  # type: ignore[return-value]


def seconds_of(value: object) -> float | None:
    """Return a duration, a nonnegative number; None for other values."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value >= 0 else None  # type: ignore[arg-type,operator]
