"""The parts of a build that are read in pages or as a stream: events, installed files, logs."""

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
    conditions: Document,
    limit: int,
    cursor: str | None,
) -> Response:
    """Return a page of the events with this `severity`, `phase` and `text` in `conditions`.

    None is no condition. A text matches anywhere in the text or source file, ignoring case.
    """
    name = orjson.dumps(["events", build_id, conditions]).decode()
    first = _position(name, cursor, 1)[0]
    matching: list[Document] = []
    async with aclosing(_events(database, build_id)) as events:
        async for event in events:
            if event["number"] >= first and _matches(event, conditions):
                matching.append(event)
            if len(matching) > limit:
                break
    next_cursor = write_cursor(name, [matching[limit]["number"]]) if len(matching) > limit else None
    return page_response(request, matching[:limit], next_cursor)


async def _events(database: Database, build_id: str) -> AsyncGenerator[Document, None]:
    """Yield all events of a build in order: those in its document, then those stored separately."""
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


def _matches(event: Document, conditions: Document) -> bool:
    text = conditions["text"]
    return all(conditions[name] in (None, event[name]) for name in ("severity", "phase")) and (
        text is None
        or text.casefold() in f"{event['text']}\n{event['sourceFile'] or ''}".casefold()
    )


async def manifest_page(
    database: Database, request: Request, build_id: str, limit: int, cursor: str | None
) -> Response:
    """Return a page of the files that a build installed, in the order of their paths.

    The manifest is stored in numbered parts, so a cursor holds a part and a place in it.
    """
    build = await read_build_fields(database, build_id, {"manifest": 1})
    if build["manifest"] is None:
        raise not_found("manifest of build", build_id)
    digest = build["manifest"]["digest"]
    name = orjson.dumps(["manifest", digest]).decode()
    first, skipped = _position(name, cursor, 2)
    page: list[tuple[int, int, Document]] = []
    query = {"digest": digest, "number": {"$gte": first}}
    async with aclosing(database.manifests.stream(query, sort=[("number", 1)])) as parts:
        async for part in parts:
            start = skipped if part["number"] == first else 0
            entries = enumerate(part["entries"][start:], start)
            page += [(part["number"], place, entry) for place, entry in entries]
            if len(page) > limit:
                break
    next_cursor = write_cursor(name, page[limit][:2]) if len(page) > limit else None
    return page_response(request, [entry for _, _, entry in page[:limit]], next_cursor)


def _position(name: str, cursor: str | None, size: int) -> list[int]:
    """Return the `size` numbers in a cursor, or zeros without one."""
    if cursor is None:
        return [0] * size
    position = [n for n in read_cursor(name, cursor, size) if type(n) is int and n >= 0]
    if len(position) < size:
        raise bad_parameter("cursor", "This cursor does not come from this list.")
    return position


async def find_log(
    database: Database, build_id: str, phase: str | None, name: str | None
) -> tuple[Document, int, int | None]:
    """Return a log of a build, and the start and end of the requested bytes; None is its end.

    The bytes are those of the phase, or all. Without a name, it is the log of the phase, or the
    first one. Raise a 404 when there is no such phase or log.
    """
    build = await read_build_fields(database, build_id, _OF_LOGS)
    start, end = 0, None
    if phase is not None:
        shown = next((item for item in build["phases"] if item["name"] == phase), None)
        if shown is None:
            raise not_found("phase", phase)
        if shown["log"] is None or shown["offset"] is None:
            raise ProblemError(
                HTTPStatus.NOT_FOUND, "not-found", "Not found", "No log contains this phase."
            )
        if name not in (None, shown["log"]):
            raise not_found(f"phase {phase!r} in the log", name or "")
        name, start, end = shown["log"], shown["offset"], shown["end"]
    log = next((item for item in build["logs"] if name in (None, item["name"])), None)
    if log is None:
        raise not_found("log", name or "of this build")
    return log, start, end
