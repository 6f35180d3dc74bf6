"""Long work has threads of its own, and a queue that ends."""

import asyncio
import threading

import pytest

from models.errors import OverloadError
from models.threads import LongWork


async def test_what_is_more_than_runs_and_waits_is_refused() -> None:
    work = LongWork(max_running=1, max_waiting=1)
    release = threading.Event()
    running, waiting = (asyncio.create_task(work.run(release.wait)) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(OverloadError, match="try again"):
        await work.run(release.wait)
    assert await asyncio.to_thread(lambda: 7) == 7  # short work has other threads
    release.set()
    assert (await running, await waiting) == (True, True)
    assert await work.run(lambda: 8) == 8


async def test_what_fails_leaves_its_place() -> None:
    work = LongWork(max_running=1, max_waiting=0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await work.run(lambda: 1 // 0)
