"""What stands around the routes: headers, origins, overload, request ids, stopping."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest

from api.app import create_app
from api.http.errors import MEDIA_TYPE
from models.database.client import Database
from models.database.collection import Collection
from models.errors import DatabaseUnavailableError
from models.settings import Settings
from tests.support.tokens import bearer, client_of, client_of_app, token

CASES = "/api/v1/cases"
ORIGIN = "https://science.example"


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [CASES, "/livez", "/docs", "/nowhere", "/api/v1/openapi.json", f"{CASES}?x=1"]
)
async def test_every_answer_has_the_security_headers(database: Database, path: str) -> None:
    async with client_of(database) as client:
        headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "authorization" in headers["vary"].lower()


async def test_who_breaks_off_a_body_is_no_fault(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(Settings())
    app.state.database = database
    body: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return body.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/query", "raw_path": b"/api/v1/query",
        "root_path": "", "query_string": b"", "headers": [], "scheme": "http",
        "http_version": "1.1", "server": ("test", 80), "client": ("test", 1),
        "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    await app(scope, receive, send)
    assert statuses == [499]
    assert "the service failed" not in caplog.text


async def test_a_fault_has_the_security_headers_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(Collection, "find_one", fail)
    async with client_of(database, cors_origins=ORIGIN) as client:
        answer = await client.get(f"{CASES}/x", headers={"Origin": ORIGIN})
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "secret" not in answer.text


async def test_the_policy_of_the_documentation_lets_its_own_scripts_run_and_no_others(
    database: Database,
) -> None:
    async with client_of(database) as client:
        page = await client.get("/docs")
    policy = dict(
        part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";")
    )
    scripts = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert policy["connect-src"] == "'self'"
    assert "http" not in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "is_private", "caching"),
    [
        pytest.param(CASES, False, "no-cache", id="public"),
        pytest.param(CASES, True, "private, no-cache", id="private"),
        pytest.param("/nowhere", False, "no-store", id="error"),
        pytest.param("/api/v1/tokens", True, "no-store", id="tokens"),
        pytest.param("/metrics", True, "no-store", id="metrics"),
    ],
)
async def test_caches_are_told_what_they_may_keep(
    database: Database, path: str, is_private: bool, caching: str
) -> None:
    headers = bearer(await token(database, "admin")) if is_private else {}
    async with client_of(database) as client:
        answer = await client.get(path, headers=headers)
    assert answer.headers["cache-control"] == caching


async def test_a_method_that_is_not_there_is_told_which_are(database: Database) -> None:
    async with client_of(database) as client:
        tokens = await client.options("/api/v1/tokens")
        livez = await client.delete("/livez")
    assert (tokens.status_code, tokens.headers["allow"]) == (405, "GET, HEAD, POST")
    assert (livez.status_code, livez.headers["allow"]) == (405, "GET, HEAD")


async def test_pages_of_other_origins_may_not_use_the_service(database: Database) -> None:
    async with client_of(database) as client:
        answer = await client.get(CASES, headers={"Origin": ORIGIN})
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
        preflight = await client.options(CASES, headers=asked)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert preflight.status_code == 405


async def test_pages_of_origins_that_are_set_may(database: Database) -> None:
    async with client_of(database, cors_origins=f"{ORIGIN}, https://x.example:8443") as client:
        answer = await client.get(CASES, headers={"Origin": ORIGIN})
        other = await client.get(CASES, headers={"Origin": "https://evil.example"})
        asked = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,if-match",
        }
        preflight = await client.options(CASES, headers=asked)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in other.headers
    assert preflight.status_code == 200


@pytest.mark.parametrize(
    "given", ["0123-4567.abc", "A" * 64, "01HF7Y9V3Q0000000000000000"], ids=["dots", "long", "ulid"]
)
async def test_a_request_id_that_is_well_formed_is_kept(database: Database, given: str) -> None:
    async with client_of(database) as client:
        answer = await client.get("/nowhere", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] == given == answer.json()["requestId"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        "short",
        "A" * 65,
        "a b c d e f g",
        '{"level":"x"}',
        "cl_0123456789abcdef_abc",
        "x" * 8 + "\x7f",
    ],
)
async def test_a_request_id_that_is_not_is_replaced(database: Database, given: str) -> None:
    async with client_of(database) as client:
        answer = await client.get("/nowhere", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] != given
    assert given not in answer.text


@pytest.fixture
async def slow_app(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, asyncio.Event]:
    """An application for one request at a time, and what makes an answer come."""
    release = asyncio.Event()

    async def find_one(*_: object, **__: object) -> None:
        await release.wait()

    monkeypatch.setattr(Collection, "find_one", find_one)
    app = create_app(Settings(max_concurrent_requests=1))
    app.state.database = database
    return app, release


async def test_more_requests_at_a_time_than_allowed_are_refused(
    slow_app: tuple[Any, asyncio.Event],
) -> None:
    app, release = slow_app
    async with client_of_app(app) as client:
        first = asyncio.create_task(client.get(f"{CASES}/x"))
        await asyncio.sleep(0.05)
        refused = await client.get(f"{CASES}/x")
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["content-type"] == MEDIA_TYPE
        assert refused.json()["type"].endswith(":overload")
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
        release.set()
        assert (await first).status_code == 404
        assert (await client.get(f"{CASES}/x")).status_code == 404


async def test_a_service_that_stops_is_not_ready(database: Database) -> None:
    app = create_app(Settings())
    app.state.database = database
    async with client_of_app(app) as client:
        assert (await client.get("/readyz")).status_code == 200
        app.state.is_stopping = True
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get(CASES)).status_code == 200


_WITH_LIMITS_OF_THEIR_OWN = {"upload_archive", "upload_spec_documents", "update_build"}


def takes_json(operation: dict[str, Any]) -> bool:
    if operation["operationId"] in _WITH_LIMITS_OF_THEIR_OWN:
        return False
    return "application/json" in operation.get("requestBody", {}).get("content", ())


@pytest.mark.slow
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_json_body_that_is_too_large_is_refused(database: Database, method: str) -> None:
    headers = bearer(await token(database, "admin"))
    headers |= {"If-Match": '"x"', "Content-Type": "application/json"}
    app = create_app(Settings())
    app.state.database = database

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield b" " * 2**16

    operations = {
        path: item[method.lower()]
        for path, item in app.openapi()["paths"].items()
        if method.lower() in item
    }
    paths = [path for path, found in operations.items() if takes_json(found)]
    async with client_of_app(app) as client:
        for path in paths:
            answer = await client.request(
                method, re.sub(r"\{\w+\}", "x", path), content=chunks(), headers=headers
            )
            # what is to be changed is looked for first
            assert answer.status_code in ({413} if method == "POST" else {413, 404, 412}), path


async def test_a_database_that_is_lost_is_told_with_when_to_try_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object, **__: object) -> None:
        raise DatabaseUnavailableError("down")

    monkeypatch.setattr(Collection, "find_one", lost)
    headers = bearer(f"cl_{'0' * 16}_{'A' * 43}")
    async with client_of(database) as client:
        for answer in (await client.get(f"{CASES}/x"), await client.get(CASES, headers=headers)):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cors_origins", "https://a.example/path"),
        ("cors_origins", "a.example"),
        ("trusted_proxies", "proxy.example"),
        ("log_format", "xml"),
        ("max_concurrent_requests", "0"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.model_validate({name: value})
