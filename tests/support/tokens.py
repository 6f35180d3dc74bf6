"""Tokens, and clients that bear them."""

from datetime import datetime
from typing import Any

import httpx2
from httpx2 import AsyncClient

from api.app import create_app
from models.database.client import Database
from models.settings import Settings
from models.tokens.store import create_token
from models.tokens.token import Scope

GARBAGE = f"cl_{'0' * 16}_{'A' * 43}"


async def token(database: Database, *scopes: Scope, expires_at: datetime | None = None) -> str:
    return (await create_token(database, "test", scopes, "tests", expires_at))[1]


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def client_of_app(app: Any, address: str = "127.0.0.1") -> AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 1))
    return AsyncClient(transport=transport, base_url="http://test")


def client_of(database: Database, address: str = "127.0.0.1", **settings: Any) -> AsyncClient:
    app = create_app(Settings(**settings))
    app.state.database = database
    return client_of_app(app, address)
