"""Bodies in JSON from clients that need not mean well."""

import asyncio
import json
import math
import re
from http import HTTPStatus
from typing import Any

from fastapi import Request

from api.http.errors import ProblemError, bad_value

MAX_BYTES = 2**20
MAX_DEPTH = 32
_INT64 = 2**63
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


async def read_json(request: Request, most_bytes: int = MAX_BYTES) -> Any:
    """Return the body; 413 when it is too large, 415 when it is packed, 400 when it is no JSON.

    Numbers are finite and have 64 bits, names are not repeated, and nesting is limited.
    """
    if (coding := request.headers.get("content-encoding", "identity")) != "identity":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unknown-type",
            "A body that cannot be read",
            f"JSON is taken as it is, and not with Content-Encoding {coding[:50]!r}.",
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too-large",
                "Too large",
                f"A body has {most_bytes} bytes at most.",
            )
    try:
        if len(body) > MAX_BYTES:
            return await asyncio.to_thread(_parsed, body)
        return _parsed(body)
    except ValueError as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "bad-json", "Bad JSON", f"The body is not JSON: {error}"[:300]
        ) from None


def _parsed(body: bytearray) -> Any:
    try:
        content = json.loads(
            body.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_constant,
        )
    except RecursionError:
        raise _too_deep() from None
    _check_depth(content)
    if _SURROGATE.search(body):
        _check_characters(content)
    return content


def _check_characters(content: Any) -> None:
    """Refuse halves of characters, which can be escaped in JSON and not be stored, with a 422."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise bad_value("body", "not valid Unicode") from None


def _check_depth(content: Any) -> None:
    level = [content] if isinstance(content, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    if level:
        raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands in an object twice")
    if any("\0" in name for name in found):
        raise ValueError("a name holds a NUL")
    return found


def _integer(text: str) -> int:
    if len(text) > 20 or not -_INT64 <= int(text) < _INT64:
        raise ValueError("an integer has more than 64 bits")
    return int(text)


def _real(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no value")
