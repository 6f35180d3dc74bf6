"""Log lines: what they tell of a request, and what they never do."""

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest

from api.middleware.access_log import Format, log_config
from api.middleware.exchange import printable_path
from models.database.client import Database
from models.database.collection import Collection
from tests.support.tokens import GARBAGE, bearer, client_of, token

CASES = "/api/v1/cases"


@pytest.fixture
def stream(form: Format) -> Iterator[io.StringIO]:
    """What is logged, in the form of the test."""
    written = io.StringIO()
    config = log_config(form)
    config["handlers"]["stderr"]["stream"] = written
    loggers = [logging.getLogger(name) for name in ("caseledger", "uvicorn", "")]
    saved = [(one, one.handlers[:], one.level, one.propagate) for one in loggers]
    logging.config.dictConfig(config)
    yield written
    for one, handlers, level, propagate in saved:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json"])
async def test_a_request_is_one_line_of_json(database: Database, stream: io.StringIO) -> None:
    text = await token(database, "read")
    async with client_of(database) as client:
        answer = await client.get(f"{CASES}?limit=5", headers=bearer(text))
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line.pop("durationMs") > 0
    assert line == {
        "level": "info",
        "logger": "caseledger.access",
        "requestId": answer.headers["x-request-id"],
        "method": "GET",
        "route": CASES,
        "status": 200,
        "bytes": len(answer.content),
        "tokenId": text.split("_")[1],
    }


@pytest.mark.parametrize("form", ["text"])
async def test_a_request_is_one_line_of_text(database: Database, stream: io.StringIO) -> None:
    async with client_of(database) as client:
        answer = await client.get(f"{CASES}/x")
    assert f" INFO GET {CASES}/{{caseId}} 404 " in stream.getvalue()
    assert stream.getvalue().endswith(f"request={answer.headers['x-request-id']}\n")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json"])
async def test_secrets_are_never_logged(
    database: Database, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = await token(database, "admin"), GARBAGE
    body = {"name": "made", "scopes": ["read"]}
    async with client_of(database) as client:
        await client.get(f"{CASES}?access_token={good}&password=hunter2", headers=bearer(bad))
        await client.get(f"{CASES}/{good}")
        await client.get(f"/{good}", headers={"X-Request-Id": good, "User-Agent": good})
        made = await client.post("/api/v1/tokens", json=body, headers=bearer(good))

        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(Collection, "find", fail)
        answer = await client.get(f"{CASES}?name={good}", headers=bearer(good))
    assert answer.status_code == 500
    assert "RuntimeError: broken" in stream.getvalue()
    secrets = [text.split("_", 2)[2] for text in (good, bad, made.json()["token"])]
    for secret in (*secrets, "hunter2"):
        assert secret not in stream.getvalue()
    assert not [secret for secret in secrets if secret in answer.text]


@pytest.mark.parametrize("form", ["json"])
async def test_a_fault_is_logged_with_the_id_of_its_request(
    database: Database, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Collection, "find_one", fail)
    async with client_of(database) as client:
        answer = await client.get(f"{CASES}/x")
    fault, access = lines(stream)
    assert fault["level"] == "error"
    assert "RuntimeError: broken" in fault["traceback"]
    assert fault["requestId"] == access["requestId"] == answer.json()["requestId"]
    assert access["status"] == 500


@pytest.mark.parametrize("form", ["json"])
async def test_a_path_without_a_route_is_logged_without_its_query(
    database: Database, stream: io.StringIO
) -> None:
    async with client_of(database) as client:
        await client.get("/api/v1/casez/x%0Ay%1b?token=hunter2")
    (line,) = lines(stream)
    assert (line["route"], line["path"]) == ("none", "/api/v1/casez/x\\ny\\x1b")
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize("form", ["text"])
async def test_so_it_is_in_text(database: Database, stream: io.StringIO) -> None:
    async with client_of(database) as client:
        await client.get("/nowhere?token=hunter2")
    assert " INFO GET /nowhere 404 " in stream.getvalue()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        pytest.param("/api/v1/performance_archives", None, id="long name"),
        pytest.param("/x/" + "ab/" * 200, "/x/" + "ab/" * 65 + "a…", id="long path"),
        pytest.param("/ghp_" + "aB3dEfGhIj" * 4, "/***", id="well-known form"),
        pytest.param("/x/0123456789abcdef/y", "/x/***/y", id="digest"),
        pytest.param("/" + "x" * 40, "/***", id="very long word"),
        pytest.param("/token=hunter2/x", "/token=***", id="named"),
        pytest.param("/https://me:hunter2@h.de", "/https://***@h.de", id="address"),
        pytest.param("/a\u2028\ud800b", "/a\\u2028\\ud800b", id="not printable"),
        pytest.param("/cl_1", None, id="short"),
    ],
)
def test_what_looks_like_a_secret_in_a_path_is_masked(path: str, shown: str | None) -> None:
    assert printable_path(path) == (path if shown is None else shown)


@pytest.mark.parametrize("form", ["text"])
def test_a_message_cannot_make_a_second_line(stream: io.StringIO) -> None:
    logging.getLogger("caseledger.api").warning("a\nb\x1b[31m")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
