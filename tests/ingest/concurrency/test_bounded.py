"""What runs at once is limited, and nothing of it outlives its end."""

import asyncio
import gc

import pytest

from ingest.concurrency.bounded import BoundedTasks


class Work:
    """Counts what runs at the same time."""

    def __init__(self) -> None:
        self.running = self.most = self.done = 0

    async def one(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0.01)
            self.done += 1
        finally:
            self.running -= 1


async def fail() -> None:
    raise LookupError


async def test_no_more_than_so_many_run_and_all_are_waited_for() -> None:
    work = Work()
    async with BoundedTasks(3) as running:
        for _ in range(10):
            await running.spawn(work.one())
    assert (work.most, work.done, work.running) == (3, 10, 0)


@pytest.mark.slow
async def test_of_several_errors_none_is_left_over() -> None:
    forgotten: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: forgotten.append(told))

    async def both() -> None:
        async with BoundedTasks(3) as running:
            for _ in range(2):
                await running.spawn(fail())
            await asyncio.sleep(0.01)  # both have failed

    with pytest.raises(LookupError):
        await both()
    gc.collect()
    assert forgotten == []


async def test_an_error_of_one_ends_the_others() -> None:
    work = Work()

    async def both() -> None:
        async with BoundedTasks(3) as running:
            await running.spawn(work.one())
            await running.spawn(fail())

    with pytest.raises(LookupError):
        await both()
    assert work.running == 0


async def test_an_error_in_the_body_leaves_nothing_running() -> None:
    work = Work()

    async def begin() -> None:
        async with BoundedTasks(3) as running:
            await running.spawn(work.one())
            await asyncio.sleep(0)
            raise LookupError

    with pytest.raises(LookupError):
        await begin()
    assert (work.running, work.done) == (0, 0)


async def test_being_cancelled_leaves_nothing_running() -> None:
    work = Work()

    async def many() -> None:
        async with BoundedTasks(2) as running:
            while True:
                await running.spawn(work.one())

    task = asyncio.create_task(many())
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.running == 0
