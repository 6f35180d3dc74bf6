"""Whole lists as streams of NDJSON or CSV, from one cursor.

A stream that fails ends the connection without an end of the body, so that no client takes a part
for the whole.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
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


def chosen_format(request: Request, asked_for: Format | None) -> Format:
    """Return the format of a list: of the parameter, or the first that `Accept` wants most."""
    if asked_for is not None:
        return asked_for
    best: tuple[float, Format] = (0.0, "json")
    for part in request.headers.get("accept", "").lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        if name in _ACCEPTED and (weight := _weight(parameters)) > best[0]:
            best = weight, _ACCEPTED[name]
    return best[1]


def _weight(parameters: Iterable[str]) -> float:
    """Return how much a media type is wanted: `q`, 1 where it is not told or makes no sense."""
    told = next((each[2:] for each in parameters if _WEIGHT.fullmatch(each)), "1")
    return float(told)


class Export(StreamingResponse):
    """A response that closes what it streams from, also when the client goes away."""

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
    """Return the items as a stream; what fails before the first chunk still is a problem."""
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
    """Return the fields that become columns: without a choice, all that are no maps."""
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
    nothing: AsyncIterator[bytes] | None = None
    if nothing is not None:
        yield b""
