"""Exports: whole lists as streams of NDJSON or CSV, from one cursor.

When a stream fails, the connection is closed before the end of the body, so that no client mistakes
a part of the list for all of it.
"""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Send

from api.http.responses import encode_json
from api.lists.csv_rows import csv_row
from api.lists.projection import Selection, value_at
from api.middleware.head_requests import is_head

Format = Literal["json", "ndjson", "csv"]
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
}
_ACCEPTED: Mapping[str, Format] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "text/csv": "csv",
}
_WEIGHT = re.compile(r"q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)")
_CHUNK = 2**16


def choose_format(request: Request, requested: Format | None) -> Format:
    """Return the format of a list.

    That is the requested one, or else the one of highest weight in `Accept` (the first of several),
    or else JSON.
    """
    if requested is not None:
        return requested
    best: tuple[float, Format] = (0.0, "json")
    for part in request.headers.get("accept", "").lower().split(","):
        name, *parameters = (token.strip() for token in part.split(";"))
        if name in _ACCEPTED and (weight := _weight(parameters)) > best[0]:
            best = weight, _ACCEPTED[name]
    return best[1]


def _weight(parameters: Iterable[str]) -> float:
    """Return the weight `q` of a media type (RFC 9110); 1 when it is missing or malformed."""
    weight = next((text[2:] for text in parameters if _WEIGHT.fullmatch(text)), "1")
    return float(weight)


class Export(StreamingResponse):
    """A response that closes the generator it streams, also when the client disconnects."""

    async def stream_response(self, send: Send) -> None:
        """Send the body."""
        try:
            await super().stream_response(send)
        finally:
            if isinstance(self.body_iterator, AsyncGenerator):
                await self.body_iterator.aclose()


async def export(
    request: Request,
    format_: Format,
    selection: Selection,
    items: AsyncGenerator[dict[str, Any], None],
) -> Export:
    """Return the items as a stream.

    The first chunk is read here, so that an error before it becomes a problem document.
    """
    lines = _ndjson(items) if format_ == "ndjson" else _csv(selection, items)
    chunks = _chunks(lines)
    if is_head(request):
        await chunks.aclose()
        await items.aclose()
        body = _chunks(_nothing())
    else:
        body = _resume(await anext(chunks, b""), chunks)
    name = f"{selection.table.resource}.{format_}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"}
    return Export(body, headers=headers, media_type=MEDIA_TYPES[format_])


async def _ndjson(items: AsyncGenerator[dict[str, Any], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(items):
        async for item in items:
            yield encode_json(item) + b"\n"


async def _csv(
    selection: Selection, items: AsyncGenerator[dict[str, Any], None]
) -> AsyncGenerator[bytes, None]:
    names = _columns(selection)
    async with aclosing(items):
        yield csv_row(names).encode()
        async for item in items:
            yield csv_row(_cells(selection, names, item)).encode()


def _columns(selection: Selection) -> list[str]:
    """Return the fields that become columns: the chosen ones, or all that are not maps."""
    fields = (selection.table.by_name[name] for name in selection.names)
    return [field.name for field in fields if selection.is_chosen or field.type != "map"]


def _cells(selection: Selection, names: Iterable[str], item: Mapping[str, Any]) -> Iterable[Any]:
    for name in names:
        value = value_at(item, name)
        is_date = selection.table.by_name[name].type == "simulated date"
        yield value["date"] if is_date and value is not None else value


async def _chunks(lines: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    gathered: list[bytes] = []
    size = 0
    async with aclosing(lines):
        async for line in lines:
            gathered.append(line)
            size += len(line)
            if size >= _CHUNK:
                yield b"".join(gathered)
                gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)


async def _resume(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk


async def _nothing() -> AsyncGenerator[bytes, None]:
    no_lines: tuple[bytes, ...] = ()
    for line in no_lines:
        yield line
