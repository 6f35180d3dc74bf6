"""Calls in worker processes: answered, failed, or given up, whatever becomes of the processes."""

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest

from ingest.concurrency.worker_pool import WorkerCrashedError, WorkerPool

PRELOAD = "ingest.concurrency.worker_pool"


def begin() -> None:
    """Do nothing."""


def answer(number: int) -> int:
    if number < 0:
        raise LookupError(number)
    return number + 1


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(2, begin, PRELOAD)
    yield pool
    await pool.close()


@pytest.mark.slow
async def test_calls_are_answered_and_errors_come_back(pool: WorkerPool) -> None:
    assert await asyncio.gather(*(pool.call(answer, n) for n in range(6))) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(LookupError):
        await pool.call(answer, -1)
    assert await pool.call(answer, 1) == 2


@pytest.mark.slow
async def test_a_process_that_dies_costs_its_call(pool: WorkerPool) -> None:
    calls = [pool.call(answer, 1), pool.call(os._exit, 1), pool.call(answer, 2)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [found[0], found[2]] == [2, 3]
    assert isinstance(found[1], WorkerCrashedError)
    assert await asyncio.gather(*(pool.call(answer, n) for n in range(4))) == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.parametrize("is_started", [False, True])
@pytest.mark.parametrize("seconds", [0, 0.002, 0.01, 0.05, 0.1, 0.4])
async def test_a_call_can_be_cancelled_at_any_time(
    pool: WorkerPool, seconds: float, is_started: bool
) -> None:
    if is_started:
        await asyncio.gather(pool.call(answer, 1), pool.call(answer, 1))
    began = time.monotonic()
    call = asyncio.create_task(pool.call(sleep, 60.0))
    await asyncio.sleep(seconds)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.gather(*(pool.call(answer, n) for n in range(4))) == [1, 2, 3, 4]
    assert time.monotonic() - began < 30
