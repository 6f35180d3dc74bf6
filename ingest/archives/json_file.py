"""The JSON files that Spack writes beside what it builds."""

from typing import Any

import orjson

from models.errors import ParseError

JSON_LIMIT = 2**28
MAX_INT64 = 2**63 - 1


def parse_object(content: bytes, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """Return the JSON object that a file holds, its keys in order.

    ParseError `too_large`, `not_json` (also for what nests too deeply) or `not_object`.
    """
    if len(content) > limit:
        raise ParseError("too_large", f"the file has more than {limit} bytes")
    try:
        document = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise ParseError("not_json", str(error)[:300]) from error
    if not isinstance(document, dict):
        raise ParseError("not_object", f"the file holds a {type(document).__name__}, no object")
    return document


def text_of(value: object, limit: int = 1000) -> str | None:
    """Return a text that is not empty, its first `limit` characters; None for anything else."""
    return value[:limit] if isinstance(value, str) and value else None


def count_of(value: object) -> int | None:
    """Return a whole number from 0 that MongoDB can store; None for anything else."""
    is_count = type(value) is int and 0 <= value <= MAX_INT64
    return value if is_count else None  # type: ignore[return-value]


def seconds_of(value: object) -> float | None:
    """Return a duration; None for what is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value >= 0 else None  # type: ignore[arg-type,operator]
