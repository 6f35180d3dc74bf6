"""A worker that takes too long, or too much memory, costs the execution it was at."""

import time

import pytest

from ingest.cases.sources.base import Content
from ingest.cases.task import Result
from ingest.cases.workers import Workers
from ingest.concurrency.limits import Limits, TookTooLongError, limited_time
from tests.support.executions import task
from tests.support.hostile_files import Greedy, Slow, Stuck


async def reason_of(files: dict[str, bytes], limits: Limits) -> str | None:
    hostile = task("/a", content=Content(files=files))
    tasks = [hostile, *(task(f"/{number}") for number in range(16)), task("/b")]
    async with Workers(1, limits) as workers:
        results: dict[str, Result] = {r.path: r async for r in workers.observe_all(tasks)}
    assert results["/b"].observation
    return results["/a"].reason


@pytest.mark.slow
async def test_an_execution_that_takes_too_long_is_rejected() -> None:
    assert await reason_of(Slow(), Limits(seconds=0.5)) == "took_too_long"


@pytest.mark.slow
async def test_a_process_that_does_not_come_back_is_ended() -> None:
    assert await reason_of(Stuck(), Limits(seconds=0.5)) == "crashed"


@pytest.mark.slow
async def test_an_execution_that_wants_too_much_memory_is_rejected() -> None:
    limits = Limits(memory_bytes=2**30)
    assert await reason_of(Greedy(), limits) == "out_of_memory"


def test_time_that_is_over_ends_what_is_done_in_it() -> None:
    with pytest.raises(TookTooLongError), limited_time(Limits(seconds=0.05)):
        time.sleep(5)


def test_after_it_nothing_is_limited() -> None:
    with limited_time(Limits(seconds=0.05)):
        pass
    time.sleep(0.1)
