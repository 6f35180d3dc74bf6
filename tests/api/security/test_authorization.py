"""Every route against every kind of caller, from the OpenAPI document: no route is forgotten."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter
from httpx2 import AsyncClient

from api.app import create_app
from api.router import api_router
from api.security import authorize, require
from api.security.access import required_scope
from api.security.throttle import Throttle
from models.database.client import Database
from models.settings import Settings
from models.tokens.store import create_token, revoke_token
from models.tokens.token import Scope, split_token
from tests.support.authorization import NEEDED
from tests.support.databases import NewDatabase

CALLERS = ("none", "read", "ingest", "edit", "metrics", "admin", "expired", "revoked", "garbage")
INVALID = frozenset({"expired", "revoked", "garbage"})
REFUSALS = frozenset({401, 403})

Operation = tuple[str, str, str]


def operations(document: dict[str, Any]) -> list[Operation]:
    return [
        (operation["operationId"], method.upper(), re.sub(r"\{\w+\}", "x", path))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


DOCUMENT = create_app(Settings()).openapi()
OPERATIONS = operations(DOCUMENT)


@pytest.fixture(scope="module")
async def matrix_database(new_database: NewDatabase) -> AsyncIterator[Database]:
    async with new_database("test_matrix") as database:
        yield database


@pytest.fixture(scope="module")
async def credentials(matrix_database: Database) -> dict[str, dict[str, str]]:
    texts = {"garbage": f"cl_{'0' * 16}_{'A' * 43}"}
    scopes: tuple[Scope, ...] = ("read", "ingest", "edit", "metrics", "admin")
    for scope in scopes:
        texts[scope] = (await create_token(matrix_database, scope, [scope], "tests", None))[1]
    past = datetime.now(UTC) - timedelta(seconds=1)
    texts["expired"] = (await create_token(matrix_database, "x", ["admin"], "tests", past))[1]
    texts["revoked"] = (await create_token(matrix_database, "x", ["admin"], "tests", None))[1]
    parts = split_token(texts["revoked"])
    assert parts is not None
    await revoke_token(matrix_database, parts[0])
    headers = {name: {"Authorization": f"Bearer {text}"} for name, text in texts.items()}
    return {"none": {}, **headers}


@pytest.fixture(scope="module")
async def clients(matrix_database: Database) -> AsyncIterator[dict[bool, AsyncClient]]:
    """Clients of an application that anybody may read, and of one that nobody may."""
    made = {}
    for is_open in (True, False):
        app = create_app(Settings(anonymous_read=is_open, anonymous_metrics=is_open))
        app.state.database = matrix_database
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        made[is_open] = AsyncClient(transport=transport, base_url="http://test")
    yield made
    for client in made.values():
        await client.aclose()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Throttle, "wait", lambda *_: 0)


def expected(needed: Scope | None, caller: str, *, is_open: bool) -> int | None:
    """Return the status with which a caller is refused, None when it is let in."""
    if needed is None:
        return None
    if caller in INVALID:
        return 401
    if caller == "none":
        return None if is_open and needed in ("read", "metrics") else 401
    return None if caller in (needed, "admin") else 403


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert {name for name, _, _ in OPERATIONS} == NEEDED.keys()


@pytest.mark.slow
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
@pytest.mark.parametrize(("name", "method", "path"), OPERATIONS, ids=[o[0] for o in OPERATIONS])
async def test_each_caller_gets_what_it_may(
    clients: dict[bool, AsyncClient],
    credentials: dict[str, dict[str, str]],
    name: str,
    method: str,
    path: str,
    is_open: bool,
) -> None:
    found, wanted = {}, {}
    for caller in CALLERS:
        answer = await clients[is_open].request(method, path, headers=credentials[caller])
        status = answer.status_code
        found[caller] = status if status in REFUSALS else None
        wanted[caller] = expected(NEEDED[name], caller, is_open=is_open)
        assert status < 500, caller
    assert found == wanted


@pytest.mark.parametrize(("name", "method", "path"), OPERATIONS, ids=[o[0] for o in OPERATIONS])
def test_the_document_tells_what_is_needed(name: str, method: str, path: str) -> None:
    document = DOCUMENT
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    (operation,) = (
        operation
        for item in document["paths"].values()
        for operation in item.values()
        if operation["operationId"] == name
    )
    needed = NEEDED[name]
    security = operation["security"]
    if needed is None:
        assert security == []
    else:
        assert security[-1] == {"token": [needed]}
        assert ({} in security) == (needed == "read")
        assert {"401", "403", "429"} <= operation["responses"].keys()


def test_a_route_that_writes_and_names_no_scope_is_for_admins() -> None:
    router = APIRouter()

    @router.post("/a")
    @router.put("/b")
    @router.get("/c")
    async def route() -> None: ...

    @router.post("/d", dependencies=[require("edit")])
    async def named() -> None: ...

    scopes = {route.path: required_scope(route) for route in router.routes}  # type: ignore[attr-defined, arg-type]
    assert scopes == {"/a": "admin", "/b": "admin", "/c": "read", "/d": "edit"}


def test_all_routes_of_the_interface_are_guarded() -> None:
    assert api_router.dependencies[0].dependency is authorize
