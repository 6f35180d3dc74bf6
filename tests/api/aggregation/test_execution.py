"""Runs of pipelines: the slots that they hold, and how they end."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from api.aggregation.execution import PipelineRun
from models.errors import DatabaseTimeoutError


async def _pieces(number: int) -> AsyncGenerator[bytes, None]:
    for _ in range(number):
        yield b"x"


async def _run(slots: asyncio.Semaphore, number: int, seconds: float = 5.0) -> PipelineRun:
    await slots.acquire()
    return PipelineRun(_pieces(number), slots, seconds, chunk_size=1)


async def _is_free(slots: asyncio.Semaphore) -> bool:
    try:
        async with asyncio.timeout(5):
            await slots.acquire()
    except TimeoutError:
        return False
    slots.release()
    return True


async def _content(run: PipelineRun) -> bytes:
    chunks = []
    while chunk := await run.chunk():
        chunks.append(chunk)
    return b"".join(chunks)


async def test_a_client_that_does_not_read_holds_no_slot() -> None:
    slots = asyncio.Semaphore(1)
    unread = await _run(slots, 10)
    assert await _is_free(slots)
    other = await _run(slots, 10)
    assert await _content(other) == b"x" * 10
    assert await _content(unread) == b"x" * 10
    assert await _is_free(slots)


async def test_reading_goes_on_only_with_a_slot() -> None:
    slots = asyncio.Semaphore(1)
    run = await _run(slots, 10, seconds=0.0)
    assert await _is_free(slots)
    async with slots:
        with pytest.raises(DatabaseTimeoutError):
            await _content(run)
    run.close()
    assert await _is_free(slots)


async def test_a_closed_run_gives_its_slot_back_once() -> None:
    slots = asyncio.BoundedSemaphore(1)
    for number in (0, 1, 10):
        run = await _run(slots, number)
        await asyncio.sleep(0.01)
        run.close()
        assert await _is_free(slots)
