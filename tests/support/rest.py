"""Clients of the application, and what tests ask of it."""

from typing import Any

import httpx2
from httpx2 import AsyncClient

from api.app import create_app
from models.database.client import Database
from models.settings import Settings


def client_of(
    database: Database, settings: Settings | None = None, **options: Any
) -> httpx2.AsyncClient:
    app = create_app(settings or Settings())
    app.state.database = database
    transport = httpx2.ASGITransport(app=app, **{"raise_app_exceptions": False} | options)
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def get(client: AsyncClient, path: str) -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def walk(client: AsyncClient, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    following: str | None = path
    while following is not None:
        page = await get(client, following)
        items += page["items"]
        following = page["links"]["next"]
    return items
