"""The result of a pipeline as a response: one JSON document or NDJSON, streamed from a cursor."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal

import orjson
from fastapi import Request, Response

from api.aggregation.execution import PipelineRun, take_slot
from api.aggregation.values import write_value
from api.lists.exports import MEDIA_TYPES, Export, choose_format
from api.middleware.server_errors import CLIENT_CLOSED_REQUEST

LIMIT_HEADER = "X-Result-Limit"
_CHUNK = {"json": 2**23, "ndjson": 2**16}  # bytes

Json = dict[str, Any]
Format = Literal["json", "ndjson"]


async def pipeline_response(
    request: Request,
    documents: AsyncGenerator[Json, None],
    *,
    limit: int,
    seconds: float,
    slots: asyncio.Semaphore,
) -> Response:
    """Return the response, with at most `limit` documents.

    `documents` yields one document more than `limit` when the result is longer. A failure before
    the first chunk is ready is raised; later ones break the response. A JSON response of common
    size is one chunk.
    """
    format_: Format = "ndjson" if choose_format(request, None) == "ndjson" else "json"
    await take_slot(slots)
    run = PipelineRun(_pieces(documents, format_, limit), slots, seconds, _CHUNK[format_])
    try:
        first = await _first_chunk(request, run)
    except BaseException:
        run.close()
        raise
    if first is None:
        run.close()
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    body = _body(run, first)
    await anext(body)  # so that closing it closes the run
    headers = {"Vary": "Accept", "Cache-Control": "no-store", LIMIT_HEADER: str(limit)}
    return Export(body, headers=headers, media_type=MEDIA_TYPES[format_])


async def _first_chunk(request: Request, run: PipelineRun) -> bytes | None:
    """Return the first chunk, or None when the client disconnects before it is ready."""
    chunk = asyncio.ensure_future(run.chunk())
    disconnect = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({chunk, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        return chunk.result() if chunk.done() else None
    finally:
        chunk.cancel()
        disconnect.cancel()


async def _disconnect(request: Request) -> None:
    """Wait until the client disconnects."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(run: PipelineRun, first: bytes) -> AsyncGenerator[bytes, None]:
    """Yield an empty chunk, for the caller that starts the generator, then all chunks."""
    try:
        yield b""
        chunk = first
        while chunk:
            yield chunk
            chunk = await run.chunk()
    finally:
        run.close()


async def _pieces(
    documents: AsyncGenerator[Json, None], format_: Format, limit: int
) -> AsyncGenerator[bytes, None]:
    """Yield the text of each document with what separates it from the one before."""
    number = 0
    separator = b'{"items":[' if format_ == "json" else b""
    async with aclosing(documents):
        async for document in documents:
            number += 1
            if number > limit:
                break
            yield separator + orjson.dumps(write_value(document))
            separator = b"," if format_ == "json" else b"\n"
    if format_ == "ndjson":
        yield b"\n" if number else b""
        return
    start = separator if number == 0 else b""
    yield start + b'],"isComplete":' + (b"false" if number > limit else b"true") + b"}"
