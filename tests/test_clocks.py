"""Clocks that jump by a day, forward or back: deadlines hold, nothing is lost, nobody is ended."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.security import access
from models.database.client import Database
from models.ingestions import audit as audits
from models.ingestions import ingestion as ingestions
from models.ingestions.audit import Audit
from models.ingestions.heartbeat import end_killed
from models.tokens.store import create_token
from tests.support.rest import walk
from tests.support.tokens import bearer, client_of, token

API = "/api/v1"
DAY = timedelta(days=1)
JUMPS = pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
SOURCES = ("api", "ingest", "models")
WALL_CLOCK = re.compile(r"\btime\.time\(|\butcnow\(")
OF_THE_WALL_CLOCK = {
    "api/bench",
    "ingest/builds/scripts/report_install.py",  # a part of a name
    "models/embedded/directory.py",  # lingering: until a moment that several processes read
    "models/embedded/keeper.py",
    "models/embedded/server.py",
}


def shifted(jump: timedelta) -> type[datetime]:
    """Return a clock that differs by so much."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + jump

    return Shifted


def test_no_deadline_goes_by_the_clock_on_the_wall() -> None:
    root = Path(__file__).parents[1]
    users = {
        path.relative_to(root).as_posix()
        for source in SOURCES
        for path in (root / source).rglob("*.py")
        if WALL_CLOCK.search(path.read_text())
    }
    assert {user for user in users if not user.startswith(tuple(OF_THE_WALL_CLOCK))} == set()


@JUMPS
async def test_an_importer_whose_clock_is_wrong_counts_as_alive(
    database: Database, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    for module in (audits, ingestions):
        monkeypatch.setattr(module, "datetime", shifted(jump))
    audit = Audit(database.ingestions, ["/archive"], "performance_archive", lambda _: None)
    await audit.begin()
    assert await end_killed(database.ingestions) == 0
    stored = await database.ingestions.find_one({"_id": audit.id})
    assert stored is not None
    alive = stored["aliveAt"].replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - alive) < timedelta(minutes=1)
    await audit.finish("completed")
    assert await end_killed(database.ingestions) == 0


async def test_a_token_ends_by_the_clock_and_lives_through_jumps(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = datetime.now(UTC) + timedelta(hours=1)
    text = await token(database, "read", expires_at=expires)
    statuses = []
    async with client_of(database) as client:
        for jump in (timedelta(), DAY, -DAY, timedelta(), -DAY):
            monkeypatch.setattr(access, "datetime", shifted(jump))
            answer = await client.get(f"{API}/cases", headers=bearer(text))
            statuses.append(answer.status_code)
    assert statuses == [200, 401, 200, 200, 200]


@JUMPS
async def test_the_throttle_does_not_ask_the_clock_on_the_wall(
    database: Database, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    wrong = bearer(f"cl_{'0' * 16}_{'A' * 43}")
    async with client_of(database) as client:
        for _ in range(10):
            assert (await client.get(f"{API}/cases", headers=wrong)).status_code == 401
        monkeypatch.setattr(access, "datetime", shifted(jump))
        refused = await client.get(f"{API}/cases", headers=wrong)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 10


@JUMPS
async def test_edits_on_both_sides_of_a_jump_are_all_in_the_history(
    writer: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    new = {"machine": "chrysalis", "user": "jdoe", "name": "x"}
    case = f"{API}/cases/{(await writer.post(f'{API}/cases', json=new)).json()['id']}"
    for number in range(6):
        shift = jump if number % 2 else timedelta()
        for module in ("models.cases.documents", "models.cases.edit_log"):
            monkeypatch.setattr(f"{module}.datetime", shifted(shift))
        match = {"If-Match": (await writer.get(case)).headers["ETag"]}
        change = {"notes": str(number), "reason": str(number)}
        assert (await writer.patch(case, json=change, headers=match)).status_code == 200
    found = await walk(writer, f"{case}/history?limit=2")
    reasons = [entry["reason"] for entry in found if entry["reason"]]
    assert sorted(reasons) == [str(number) for number in range(6)]
    assert (await writer.get(case)).json()["annotations"]["notes"] == "5"


async def test_tokens_made_on_both_sides_of_a_jump_are_listed_once(
    writer: httpx2.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, jump in enumerate((timedelta(), DAY, -DAY)):
        monkeypatch.setattr("models.tokens.store.datetime", shifted(jump))
        await create_token(database, str(number), ["read"], "tests", None)
    names = [each["name"] for each in (await writer.get(f"{API}/tokens")).json()["items"]]
    assert sorted(names) == ["0", "1", "2", "ada"]
