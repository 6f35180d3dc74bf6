"""Requests to the application in this process, without a server: what they cost is its own work."""

from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from api.app import create_app
from models.database.client import Database
from models.settings import Settings


class RefusedError(Exception):
    """The application answered with a problem, which the text is."""


@asynccontextmanager
async def application(settings: Settings, database: Database) -> AsyncIterator[FastAPI]:
    """Give the application as it is served, on a database."""
    own = settings.model_copy(update={"database": database.name})
    app = create_app(own)
    async with app.router.lifespan_context(app):
        yield app


async def get(app: FastAPI, path: str, query: str = "") -> bytes:
    """Return the body of an answer; RefusedError when it is not a 200."""
    received: list[MutableMapping[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", b"bench"), (b"accept", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("bench", 80),
    }

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        received.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in received)
    if received[0]["status"] != HTTPStatus.OK:
        raise RefusedError(body.decode())
    return body
