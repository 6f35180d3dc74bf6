"""Exports are the union of the pages (R-25), safe in a spreadsheet (R-26), and never cut off."""

import contextlib
import csv
import io
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

import orjson
import pytest
from httpx2 import AsyncClient
from starlette.requests import ClientDisconnect

from api.app import create_app
from api.lists.csv_rows import csv_row
from models.database.client import Database
from models.database.collection import Collection
from models.errors import DatabaseUnavailableError
from models.settings import Settings
from tests.support.rest import client_of, walk

LIST = "/api/v1/executions"


def ndjson(text: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in text.split("\n") if line]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("query", ["", "status=failed", "sort=compiler&fields=compiler,changed"])
async def test_ndjson_is_the_union_of_the_pages(made_client: AsyncClient, query: str) -> None:
    answer = await made_client.get(f"{LIST}?{query}&format=ndjson".replace("?&", "?"))
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert ndjson(answer.text) == await walk(made_client, f"{LIST}?limit=37&{query}".strip("&"))


async def test_csv_is_the_union_of_the_pages(made_client: AsyncClient) -> None:
    answer = await made_client.get(LIST, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    items = await walk(made_client, f"{LIST}?limit=100")
    found = rows(answer.text)
    assert [row["executionId"] for row in found] == [item["executionId"] for item in items]
    for row, item in zip(found, items, strict=True):
        assert row["gitTag"].removeprefix("'") == item["gitTag"]
        assert row["complete"] == str(item["complete"]).lower()
        assert orjson.loads(row["changed"]) == item["changed"]
        start = item["simulationStart"]
        assert row["simulationStart"] == (start["date"] if start else "")


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_begins_like_a_formula_is_text(text: str) -> None:
    (cell,) = next(csv.reader(io.StringIO(csv_row([text]), newline="")))
    assert cell == f"'{text}"


def test_a_number_is_a_number_and_null_is_nothing() -> None:
    assert csv_row([-3.25, -1, None, True, "a,b", "'q"]) == "-3.25,-1,,true,\"a,b\",''q\r\n"


async def test_cases_can_be_exported_too(client: AsyncClient) -> None:
    answer = await client.get("/api/v1/cases?format=ndjson")
    assert ndjson(answer.text) == await walk(client, "/api/v1/cases?limit=3")


async def test_an_export_that_is_empty_has_its_header(made_client: AsyncClient) -> None:
    answer = await made_client.get(f"{LIST}?user=none&format=csv&fields=machine,user")
    assert answer.text == "machine,user\r\n"
    assert (await made_client.get(f"{LIST}?user=none&format=ndjson")).text == ""


async def test_head_of_an_export_reads_nothing(made_client: AsyncClient) -> None:
    answer = await made_client.head(f"{LIST}?format=csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


def _failing(after: int) -> Any:
    original = Collection.stream

    async def stream(self: Collection, *args: Any, **options: Any) -> AsyncGenerator[Any, None]:
        number = 0
        async for document in original(self, *args, **options):
            if number == after:
                raise DatabaseUnavailableError("gone")
            number += 1
            yield document

    return stream


async def test_a_stream_that_fails_at_once_is_a_problem(
    made_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Collection, "stream", _failing(0))
    assert (await made_client.get(f"{LIST}?format=ndjson")).status_code == 503


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_stream_that_fails_later_does_not_end_like_a_whole_one(
    made: Database, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(Collection, "stream", _failing(230))
    async with client_of(made, raise_app_exceptions=True) as client:
        with pytest.raises(RuntimeError, match="response already started"):
            await client.get(f"{LIST}?format=ndjson", headers={"Accept-Encoding": encoding})


async def test_a_stream_is_compressed(made_client: AsyncClient) -> None:
    answer = await made_client.get(f"{LIST}?format=ndjson", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(ndjson(answer.text)) == 240


@pytest.mark.slow
async def test_a_client_that_goes_away_closes_the_cursor(
    made: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Collection.stream
    closed: list[bool] = []

    async def stream(self: Collection, *args: Any, **options: Any) -> AsyncGenerator[Any, None]:
        try:
            async for document in original(self, *args, **options):
                yield document
        finally:
            closed.append(True)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            raise OSError("the client is gone")

    monkeypatch.setattr(Collection, "stream", stream)
    app = create_app(Settings())
    app.state.database = made
    scope = {
        "type": "http", "method": "GET", "path": LIST, "raw_path": LIST.encode(), "root_path": "",
        "query_string": b"format=ndjson", "headers": [], "scheme": "http", "http_version": "1.1",
        "server": ("test", 80), "client": ("test", 1),
        "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    with contextlib.suppress(ClientDisconnect, OSError):
        await app(scope, receive, send)
    assert closed == [True]


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=0.1, application/x-ndjson", "application/x-ndjson"),
        ("application/json;q=0.5, text/csv; charset=utf-8; q=0.8", "text/csv; charset=utf-8"),
        ("text/csv, application/x-ndjson", "text/csv; charset=utf-8"),
        ("text/csv;q=often", "text/csv; charset=utf-8"),
        ("text/html, */*", "application/json"),
    ],
)
async def test_the_format_is_the_one_that_is_wanted_most(
    made_client: AsyncClient, accept: str, given: str
) -> None:
    answer = await made_client.get(LIST, headers={"Accept": accept})
    assert answer.headers["content-type"] == given
