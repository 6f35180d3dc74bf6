"""Tasks that lose a cancellation end all the same."""

import asyncio

import pytest

from models import tasks
from models.tasks import cancel_and_wait


async def loses_cancellations(number: int) -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if not number:
                raise
            number -= 1


@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_a_lost_cancellation_is_repeated(lost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0.01)
    running = [asyncio.create_task(loses_cancellations(number)) for number in (lost, 0)]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await cancel_and_wait(running)
    assert [task.cancelled() for task in running] == [True, True]


async def test_tasks_that_have_ended_or_fail_are_waited_for() -> None:
    async def fail() -> None:
        raise ValueError

    failing = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await cancel_and_wait([failing])
    assert isinstance(failing.exception(), ValueError)
    await cancel_and_wait([])
