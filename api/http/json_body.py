"""JSON bodies of requests, read strictly because any client may send anything."""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import Request

from api.http.errors import ProblemError, bad_value
from models.json.places import JsonError
from models.json.reader import JsonLimits, decode, parse
from models.threads import in_long_thread

MAX_BYTES = 2**20
MAX_DEPTH = 32
MAX_QUESTION_VALUES = 100_000
"""The values of a body that asks a question: far more than any question may have."""
_MAX_LOCATED = 2**14  # characters; a longer search would block other requests
_MAX_IMMEDIATE = 2**16  # bytes; to read more on the event loop would block other requests
_MAX_DETAIL = 300  # characters


async def read_json(
    request: Request, max_bytes: int = MAX_BYTES, max_values: int | None = None
) -> Any:
    """Return the body as `models.json.reader` reads it, at most `MAX_DEPTH` levels deep.

    `max_values` bounds the number of values before they are read, commas in texts included.

    Raise a ProblemError: 413 for more than `max_bytes`, 415 for a compressed body, 400 for a body
    that is not strict JSON, and 422 for JSON with text that cannot be stored.
    """
    _refuse_coding(request)
    body = await _read_bytes(request, max_bytes)
    try:
        parse_body = partial(_parse, body, max_values)
        if len(body) > MAX_BYTES:
            return await in_long_thread(parse_body)
        return await asyncio.to_thread(parse_body) if len(body) > _MAX_IMMEDIATE else parse_body()
    except JsonError as error:
        raise _problem(error) from None


async def read_text(request: Request, max_bytes: int = MAX_BYTES) -> str:
    """Return the body as text; raise a ProblemError: 413, 415 as `read_json`, 400 if not UTF-8."""
    _refuse_coding(request)
    body = await _read_bytes(request, max_bytes)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8: byte {error.start} is none of its."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "bad-text", "Bad text", detail) from None


def _refuse_coding(request: Request) -> None:
    coding = request.headers.get("content-encoding", "identity")
    if coding != "identity":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unknown-type",
            "Unsupported content encoding",
            f"The body is accepted uncompressed, not with Content-Encoding {coding[:50]!r}.",
        )


async def _read_bytes(request: Request, max_bytes: int) -> bytearray:
    too_large = ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        "Too large",
        f"A body may have at most {max_bytes} bytes.",
    )
    refuse_stated_size(request, max_bytes, too_large)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise too_large
    return body


def refuse_stated_size(request: Request, max_bytes: int, error: ProblemError) -> None:
    """Raise the error when the request states that its body is larger, before it is waited for."""
    stated = request.headers.get("content-length", "")
    if stated.isascii() and stated.isdigit() and int(stated[:20]) > max_bytes:
        raise error


def _parse(body: bytearray, max_values: int | None) -> Any:
    """Return the content of a body; its size, and a few millions, bound the number of values."""
    size = len(body)
    values = min(size, max_values or JsonLimits().values)
    limits = JsonLimits(size=size, values=values, depth=MAX_DEPTH, located=_MAX_LOCATED)
    return parse(decode(body, limits), limits)


def _problem(error: JsonError) -> ProblemError:
    if error.reason == "bad_text":
        return bad_value(error.path or "body", error.text)
    place = f" (at {error.path})" if error.path else ""
    detail = f"The body is not JSON: {error.text}{place}"[:_MAX_DETAIL]
    return ProblemError(HTTPStatus.BAD_REQUEST, "bad-json", "Bad JSON", detail)
