"""Workers parse executions, and one that dies costs the execution it was at."""

import asyncio
import inspect
import os
import struct
import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest

from ingest.cases.observe import observe
from ingest.cases.sources.base import Content
from ingest.cases.task import Result, Task
from ingest.cases.workers import Workers
from tests.support.executions import KEY, location, task


class Deadly(Task):
    """A task that ends the process that receives it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


class DeadlyInItsAnswer(Task):
    """A task that ends the process that receives it in the middle of what that tells."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _begin_to_tell, ()


def _begin_to_tell() -> None:
    (pipe,) = [each.frame.f_locals["connection"] for each in inspect.stack()
               if "initializer" in each.frame.f_locals]  # fmt: skip
    os.write(pipe.fileno(), struct.pack("!i", 10**9) + b"beginning")
    os._exit(1)


class Slow(Task):
    """A task that keeps the process that receives it for a while."""

    def __reduce__(self) -> tuple[Any, ...]:
        return time.sleep, (0.15,)


def test_a_task_gives_an_observation() -> None:
    result = observe(task())
    assert (result.path, result.reason) == ("/a", None)
    assert result.observation
    assert result.observation.key == KEY


def test_an_execution_that_cannot_be_recorded_has_a_reason() -> None:
    result = observe(task(location=location(case="caf\udce9")))
    assert (result.observation, result.reason) == (None, "bad_name")


def test_files_that_cannot_be_read_are_told() -> None:
    result = observe(task(content=Content(directory="/does/not/exist")))
    assert (result.observation, result.reason) == (None, "unreadable")


def test_a_mistake_in_the_program_costs_one_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.cases.observe.parse_execution", lambda *_: 1 / 0)
    result = observe(task())
    assert (result.observation, result.reason) == (None, "internal_error")


async def observed(workers: Workers, tasks: Sequence[Task]) -> dict[str, Result]:
    return {result.path: result async for result in workers.observe_all(tasks)}


async def test_without_jobs_there_are_no_processes() -> None:
    async with Workers(0) as workers:
        results = await observed(workers, [task("/a"), task("/b")])
        assert workers._pool is None
    assert {path: result.reason for path, result in results.items()} == {"/a": None, "/b": None}


async def test_no_tasks_give_no_results() -> None:
    async with Workers(2) as workers:
        assert await observed(workers, []) == {}


@pytest.mark.slow
async def test_what_kills_a_worker_costs_only_itself() -> None:
    tasks = [task(f"/{number}") for number in range(16)]
    tasks[9] = task("/9", Deadly)
    async with Workers(2) as workers:
        results = await observed(workers, tasks)
    assert {path: r.reason for path, r in results.items() if r.reason} == {"/9": "crashed"}
    assert results.keys() == {f"/{number}" for number in range(16)}
    assert all(r.observation for path, r in results.items() if path != "/9")


@pytest.mark.slow
async def test_a_worker_that_dies_while_it_tells_a_result_does_not_stop_the_others() -> None:
    tasks = [task("/case1/1"), task("/case2/2", DeadlyInItsAnswer), task("/case3/3")]
    async with Workers(2) as workers:
        results = await asyncio.wait_for(observed(workers, tasks), 60)
    assert {path: r.reason for path, r in results.items() if r.reason} == {"/case2/2": "crashed"}
    assert len(results) == 3


@pytest.mark.slow
async def test_several_killers_among_many_cases_cost_only_themselves() -> None:
    tasks = [task(f"/case{number // 3}/{number}") for number in range(90)]
    killers = [2, 31, 32, 88]
    for number in killers:
        tasks[number] = task(f"/case{number // 3}/{number}", Deadly)
    async with Workers(2) as workers:
        results = await observed(workers, tasks)
    assert len(results) == 90
    crashed = {path for path, result in results.items() if result.reason == "crashed"}
    assert crashed == {f"/case{number // 3}/{number}" for number in killers}
    assert all(r.observation for path, r in results.items() if path not in crashed)


async def test_what_is_abandoned_ends_with_its_workers_and_does_not_stop_the_loop() -> None:
    longest = 0.0

    async def measure() -> None:
        nonlocal longest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - began)

    others = asyncio.all_tasks()
    measuring = asyncio.create_task(measure())
    tasks = [task("/quick/1"), *(task(f"/slow/{number}", Slow) for number in range(40))]
    async with Workers(1) as workers, aclosing(workers.observe_all(tasks)) as results:
        assert (await anext(results)).path == "/quick/1"
    assert asyncio.all_tasks() == {*others, measuring}
    measuring.cancel()
    assert longest < 2
