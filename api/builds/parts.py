"""What is read of a build in pages or as a stream: its events, its installed files, its logs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Request, Response

from api.http.errors import ProblemError, bad_parameter, not_found
from api.lists.listing import page_response
from api.lists.paging import read_cursor, write_cursor
from models.database.client import Database

Document = dict[str, Any]

_OF_LOGS = {"logs": 1, "phases": 1}


async def read_build_fields(database: Database, build_id: str, fields: Document) -> Document:
    """Return these fields of a build; a 404 when there is no such build."""
    build = await database.builds.find_one({"_id": build_id}, fields)
    if build is None:
        raise not_found("build", build_id)
    return build


async def events_page(
    database: Database,
    request: Request,
    build_id: str,
    wanted: Document,
    limit: int,
    at: str | None,
) -> Response:
    """Return a page of the events that are as `wanted` says; its `text` is in theirs."""
    name = orjson.dumps(["events", build_id, wanted]).decode()
    first = _position(name, at, 1)[0]
    found: list[Document] = []
    async with aclosing(_events(database, build_id)) as events:
        async for event in events:
            if event["number"] >= first and _is_wanted(event, wanted):
                found.append(event)
            if len(found) > limit:
                break
    following = write_cursor(name, [found[limit]["number"]]) if len(found) > limit else None
    return page_response(request, found[:limit], following)


async def _events(database: Database, build_id: str) -> AsyncGenerator[Document, None]:
    """Give all events of a build in their order, wherever they are kept."""
    build = await read_build_fields(database, build_id, {"events": 1})
    number = 0
    for event in build["events"]:
        yield {"number": number, **event}
        number += 1
    rest = database.build_events.stream({"buildId": build_id}, sort=[("number", 1)])
    async with aclosing(rest) as parts:
        async for part in parts:
            for event in part["events"]:
                yield {"number": number, **event}
                number += 1


def _is_wanted(event: Document, wanted: Document) -> bool:
    text = wanted["text"]
    return all(wanted[name] in (None, event[name]) for name in ("severity", "phase")) and (
        text is None
        or text.casefold() in f"{event['text']}\n{event['sourceFile'] or ''}".casefold()
    )


async def manifest_page(
    database: Database, request: Request, build_id: str, limit: int, at: str | None
) -> Response:
    """Return a page of the files that a build installed, in the order of their paths."""
    build = await read_build_fields(database, build_id, {"manifest": 1})
    if build["manifest"] is None:
        raise not_found("manifest of build", build_id)
    digest = build["manifest"]["digest"]
    name = orjson.dumps(["manifest", digest]).decode()
    first, skipped = _position(name, at, 2)
    found: list[tuple[int, int, Document]] = []
    query = {"digest": digest, "number": {"$gte": first}}
    async with aclosing(database.manifests.stream(query, sort=[("number", 1)])) as parts:
        async for part in parts:
            start = skipped if part["number"] == first else 0
            entries = enumerate(part["entries"][start:], start)
            found += [(part["number"], place, entry) for place, entry in entries]
            if len(found) > limit:
                break
    following = write_cursor(name, found[limit][:2]) if len(found) > limit else None
    return page_response(request, [entry for _, _, entry in found[:limit]], following)


def _position(name: str, cursor: str | None, size: int) -> list[int]:
    if cursor is None:
        return [0] * size
    position = [n for n in read_cursor(name, cursor, size) if isinstance(n, int) and n >= 0]
    if len(position) < size:
        raise bad_parameter("cursor", "This cursor is not one that this list has given.")
    return position


async def find_log(
    database: Database, build_id: str, phase: str | None, name: str | None
) -> tuple[Document, int, int | None]:
    """Return a log of a build, and the bytes of it that are asked for: of a phase, or all.

    Without a name it is that of the phase, or the first one.
    """
    build = await read_build_fields(database, build_id, _OF_LOGS)
    start, end = 0, None
    if phase is not None:
        told = next((each for each in build["phases"] if each["name"] == phase), None)
        if told is None:
            raise not_found("phase", phase)
        if told["log"] is None or told["offset"] is None:
            raise ProblemError(
                HTTPStatus.NOT_FOUND, "not-found", "Not found", "No log shows this phase."
            )
        if name not in (None, told["log"]):
            raise not_found(f"phase {phase!r} in the log", name or "")
        name, start, end = told["log"], told["offset"], told["end"]
    log = next((each for each in build["logs"] if name in (None, each["name"])), None)
    if log is None:
        raise not_found("log", name or "of this build")
    return log, start, end
