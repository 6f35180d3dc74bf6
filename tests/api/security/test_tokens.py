"""Tokens: what they open, how long, and what becomes of those who guess."""

import asyncio
import re
import statistics
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx2 import AsyncClient

from api.app import create_app
from api.security import throttle as throttle_module
from api.security.throttle import MAX_FAILURES, WINDOW_SECONDS, Throttle
from models.database.client import Database
from models.settings import Settings
from models.tokens.store import revoke_token
from models.tokens.token import is_secret_of, new_token, split_token
from tests.support.tokens import GARBAGE, bearer, client_of, client_of_app, token

TOKENS = "/api/v1/tokens"
CASES = "/api/v1/cases"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
async def open_client(database: Database) -> AsyncIterator[AsyncClient]:
    async with client_of(database) as client:
        yield client


@pytest.fixture
async def closed_client(database: Database) -> AsyncIterator[AsyncClient]:
    async with client_of(database, anonymous_read=False) as client:
        yield client


async def test_a_token_has_256_random_bits_and_only_its_hash_is_stored(
    database: Database,
) -> None:
    text = await token(database, "read")
    parts = split_token(text)
    assert parts is not None
    stored = await database.tokens.find_one({"_id": parts[0]})
    assert stored is not None
    assert re.fullmatch(r"[0-9a-f]{64}", stored["secretHash"])
    assert parts[1] not in str(stored)
    assert is_secret_of(parts[1], stored)


@pytest.mark.parametrize(
    "text", ["", "x", GARBAGE[:-1], GARBAGE + "A", GARBAGE + "\n", GARBAGE.replace("0", "٣")]
)
def test_what_has_not_the_form_of_a_token_is_none(text: str) -> None:
    assert split_token(text) is None


async def test_without_a_token_reading_is_a_setting(
    open_client: AsyncClient, closed_client: AsyncClient
) -> None:
    assert (await open_client.get(CASES)).status_code == 200
    refused = await closed_client.get(CASES)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith('Bearer realm="caseledger"')


async def test_a_token_that_may_read_reads(closed_client: AsyncClient, database: Database) -> None:
    headers = bearer(await token(database, "read"))
    assert (await closed_client.get(CASES, headers=headers)).status_code == 200


async def test_a_scope_that_is_missing_is_named(
    open_client: AsyncClient, database: Database
) -> None:
    answer = await open_client.get(TOKENS, headers=bearer(await token(database, "read", "edit")))
    assert answer.status_code == 403
    assert "'admin'" in answer.json()["detail"]
    assert 'error="insufficient_scope", scope="admin"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(f"Bearer {GARBAGE}", id="unknown"),
        pytest.param("Bearer", id="empty"),
        pytest.param("Basic dXNlcjpwYXNz", id="basic"),
        pytest.param("Bearer \x00é", id="no text"),
        pytest.param("Bearer " + "a" * 5000, id="long"),
    ],
)
async def test_credentials_that_are_wrong_are_refused_where_none_are_needed(
    open_client: AsyncClient, header: str
) -> None:
    answer = await open_client.get(CASES, headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.slow
async def test_a_token_ends_when_it_expires_or_is_revoked(
    closed_client: AsyncClient, database: Database
) -> None:
    soon = datetime.now(UTC) + timedelta(milliseconds=300)
    expiring, revoked = (
        await token(database, "read", expires_at=soon),
        await token(database, "read"),
    )
    for text in (expiring, revoked):
        assert (await closed_client.get(CASES, headers=bearer(text))).status_code == 200
    await asyncio.sleep(0.35)
    parts = split_token(revoked)
    assert parts is not None
    assert await revoke_token(database, parts[0])
    for text in (expiring, revoked):
        assert (await closed_client.get(CASES, headers=bearer(text))).status_code == 401


async def test_the_last_use_is_noted_once_a_minute(
    closed_client: AsyncClient, database: Database
) -> None:
    headers = bearer(await token(database, "read"))

    async def used() -> Any:
        await closed_client.get(CASES, headers=headers)
        found = await database.tokens.find_one({})
        assert found is not None
        return found["lastUsedAt"]

    first = await used()
    assert await used() == first
    await database.tokens.update({}, {"$set": {"lastUsedAt": first - timedelta(minutes=2)}})
    assert await used() >= first


async def test_tokens_are_made_listed_and_revoked_over_rest(
    open_client: AsyncClient, database: Database
) -> None:
    admin = bearer(await token(database, "admin"))
    body = {"name": "nightly", "scopes": ["ingest", "read"], "expiresAt": "2999-01-01T00:00:00Z"}
    made = await open_client.post(TOKENS, json=body, headers=admin)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    item = made.json()
    text = item.pop("token")
    assert made.headers["location"] == f"{TOKENS}/{item['id']}"
    listed = await open_client.get(TOKENS, headers=admin)
    assert [one["name"] for one in listed.json()["items"]] == ["nightly", "test"]
    assert listed.json()["items"][0] == item
    assert item["scopes"] == ["read", "ingest"]
    assert text not in listed.text
    assert "secretHash" not in listed.text
    for _ in range(2):
        answer = await open_client.delete(f"{TOKENS}/{item['id']}", headers=admin)
        assert answer.status_code == 204
    assert (await open_client.get(CASES, headers=bearer(text))).status_code == 401
    assert (await open_client.delete(f"{TOKENS}/x", headers=admin)).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"name": "x", "scopes": []}, 422, id="no scope"),
        pytest.param({"name": "x", "scopes": ["root"]}, 422, id="unknown scope"),
        pytest.param({"name": "", "scopes": ["read"]}, 422, id="no name"),
        pytest.param({"name": "a\nb", "scopes": ["read"]}, 422, id="control character"),
        pytest.param({"name": "x", "scopes": ["read"], "_id": "y"}, 422, id="field not known"),
        pytest.param(
            {"name": "x", "scopes": ["read"], "expiresAt": "2020-01-01T00:00:00Z"}, 422, id="past"
        ),
        pytest.param(
            {"name": "x", "scopes": ["read"], "expiresAt": "2999-01-01T00:00:00"}, 422, id="no zone"
        ),
        pytest.param({"name": {"$gt": ""}, "scopes": ["read"]}, 422, id="operator"),
        pytest.param([], 422, id="no object"),
    ],
)
async def test_a_token_that_makes_no_sense_is_not_made(
    open_client: AsyncClient, database: Database, body: Any, status: int
) -> None:
    answer = await open_client.post(
        TOKENS, json=body, headers=bearer(await token(database, "admin"))
    )
    assert answer.status_code == status
    assert await database.tokens.count({}) == 1


async def test_failed_attempts_are_throttled_by_client(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Settings())
    app.state.database = database
    good = bearer(await token(database, "read"))
    async with client_of_app(app, "192.0.2.1") as bad, client_of_app(app, "192.0.2.2") as other:
        for _ in range(MAX_FAILURES):
            assert (await bad.get(CASES, headers=bearer(GARBAGE))).status_code == 401
        refused = await bad.get(CASES, headers=bearer(GARBAGE))
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= WINDOW_SECONDS
        assert (await other.get(CASES, headers=good)).status_code == 200
        assert (await bad.get(CASES)).status_code == 200


async def test_right_attempts_are_not_throttled(database: Database) -> None:
    headers = bearer(await token(database, "read"))
    async with client_of(database) as client:
        for _ in range(MAX_FAILURES + 2):
            assert (await client.get(CASES, headers=headers)).status_code == 200


def test_a_throttled_client_may_try_again_later() -> None:
    throttle = Throttle()
    for index in range(MAX_FAILURES):
        assert throttle.wait("a", float(index)) == 0
        throttle.note_failure("a", float(index) / 10)
    assert throttle.wait("a", 1.0) == WINDOW_SECONDS - 1
    assert throttle.wait("a", WINDOW_SECONDS + 0.01) == 0


def test_clients_of_one_ipv6_network_are_one() -> None:
    throttle = Throttle()
    for index in range(MAX_FAILURES):
        throttle.note_failure(f"2001:db8::{index}", 0.0)
    assert throttle.wait("2001:db8::ffff", 0.0)
    assert not throttle.wait("2001:db8:0:1::1", 0.0)
    for _ in range(MAX_FAILURES):
        throttle.note_failure("::ffff:192.0.2.1", 0.0)
    assert throttle.wait("::ffff:192.0.2.1", 0.0)
    assert not throttle.wait("::ffff:192.0.2.2", 0.0)


def test_the_memory_of_failures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle_module, "_MAX_CLIENTS", 5)
    throttle = Throttle()
    for index in range(20):
        throttle.note_failure(f"192.0.2.{index}", 0.0)
    assert len(throttle._failures) == 5


def test_as_much_is_compared_for_an_unknown_token_as_for_a_known_one() -> None:
    record, _ = new_token("x", ["read"], "tests", NOW, None)

    def cost(stored: dict[str, Any] | None) -> float:
        samples = []
        for _ in range(2000):
            start = time.perf_counter_ns()
            is_secret_of("A" * 43, stored)
            samples.append(time.perf_counter_ns() - start)
        return statistics.median(samples)

    stored = record.stored()
    ratios = sorted(cost(stored) / cost(None) for _ in range(5))
    assert 0.75 < ratios[2] < 1.33


async def test_an_unknown_id_asks_the_database_as_a_known_one_does(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Settings())
    app.state.database = database
    parts = split_token(await token(database, "read"))
    assert parts is not None
    asked: list[str] = []
    original = type(database.tokens).find_one

    async def find_one(self: Any, query: dict[str, Any], *rest: Any) -> Any:
        asked.append(query["_id"])
        return await original(self, query, *rest)

    monkeypatch.setattr(type(database.tokens), "find_one", find_one)
    async with client_of_app(app) as client:
        for text in (GARBAGE, f"cl_{parts[0]}_{'A' * 43}"):
            answer = await client.get(CASES, headers=bearer(text))
            assert answer.status_code == 401
    assert asked == ["0" * 16, parts[0]]
