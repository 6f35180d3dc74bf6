"""Imports that were killed are not called running for ever."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.database.client import Database
from models.ingestions import heartbeat as heartbeats
from models.ingestions.heartbeat import end_killed, heartbeat
from models.ingestions.ingestion import IngestionRecord


async def insert(database: Database, own_id: str, status: Any, seconds: float) -> datetime:
    alive = datetime.now(UTC) - timedelta(seconds=seconds)
    record = IngestionRecord(
        source="x",
        kind="performance_archive",
        status=status,
        started_at=alive,
        alive_at=alive,
        caseledger_version="1",
    )
    await database.ingestions.insert({"_id": own_id, **record.stored()})
    return alive


async def test_what_has_been_silent_for_minutes_was_interrupted(database: Database) -> None:
    alive = await insert(database, "killed", "running", 200)
    await insert(database, "waiting", "queued", 200)
    await insert(database, "under way", "running", 20)
    await insert(database, "done", "completed", 200)
    assert await end_killed(database.ingestions) == 2
    found = {each["_id"]: each for each in await database.ingestions.find({})}
    statuses = {own_id: each["status"] for own_id, each in found.items()}
    assert statuses == {
        "killed": "interrupted",
        "waiting": "interrupted",
        "under way": "running",
        "done": "completed",
    }
    finished = found["killed"]["finishedAt"].replace(tzinfo=UTC)
    assert abs(finished - alive) < timedelta(milliseconds=1)
    assert found["under way"]["finishedAt"] is None


async def test_an_import_says_that_it_is_under_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "_BEAT_SECONDS", 0.01)
    long_ago = await insert(database, "slow", "running", 200)
    async with heartbeat(database.ingestions, "slow"), asyncio.timeout(30):
        while await alive_at(database, "slow") - long_ago < timedelta(seconds=100):
            await asyncio.sleep(0.01)
    assert await end_killed(database.ingestions) == 0


async def test_an_import_whose_clock_is_late_is_no_killed_one(database: Database) -> None:
    await insert(database, "late", "running", 86_400)
    async with heartbeat(database.ingestions, "late"):
        for _ in range(100):
            await asyncio.sleep(0.02)
            if not await is_as_old_as_it_says(database):
                break
        assert await end_killed(database.ingestions) == 0


async def is_as_old_as_it_says(database: Database) -> bool:
    """Return whether the record is as old as its own clock says."""
    record = await database.ingestions.find_one({"_id": "late"})
    assert record is not None
    age = datetime.now(UTC) - record["aliveAt"].replace(tzinfo=UTC)
    return bool(age > timedelta(minutes=1))


async def test_an_import_can_be_cancelled_while_its_heartbeat_ends(database: Database) -> None:
    began, ends = asyncio.Event(), asyncio.Event()

    async def body() -> None:
        async with heartbeat(database.ingestions, "any"):
            began.set()
            await ends.wait()

    importing = asyncio.create_task(body())
    await began.wait()
    ends.set()
    await asyncio.sleep(0)  # now it waits for the heartbeat
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing


async def alive_at(database: Database, own_id: str) -> datetime:
    found = await database.ingestions.find_one({"_id": own_id})
    assert found is not None
    moment: datetime = found["aliveAt"]
    return moment.replace(tzinfo=UTC)
