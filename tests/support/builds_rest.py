"""Builds over REST: addresses, bodies, clients."""

from typing import Any

import httpx2

from models.database.client import Database
from models.settings import Settings
from models.tokens.store import create_token
from tests.support.build_reports import HASH
from tests.support.rest import client_of

BUILDS = "/api/v1/builds"
NEW: dict[str, Any] = {
    "specHash": HASH, "name": "p", "version": "1.2", "startedLocal": "2026-01-02T03:04:05.5",
}  # fmt: skip


async def client_as(database: Database, name: str, **settings: Any) -> httpx2.AsyncClient:
    _, token = await create_token(database, name, ["ingest", "read"], "test", None)
    client = client_of(database, settings=Settings(**settings))
    client.headers["Authorization"] = f"Bearer {token}"
    return client
