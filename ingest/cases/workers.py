"""Worker processes: they read and parse; what kills one costs only the execution it was at."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import groupby, islice, takewhile
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self, TypeVar

from ingest.cases.assemble import Origin, assemble
from ingest.cases.inventory import FileEntry, other_files, take_inventory
from ingest.cases.layout import Location
from ingest.cases.parse import parse_execution
from ingest.cases.sources.base import Content, case_directory
from ingest.concurrency.gc_tuning import tune_garbage_collector
from ingest.concurrency.limits import Limits, TookTooLongError, limit_memory, limited_time
from models.cases.observation import Observation
from models.errors import ParseError

_LOOK_SECONDS = 5.0
_IN_FLIGHT = 4  # portions per worker
_PORTION = 16

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Task:
    """One execution directory to read and parse."""

    location: Location
    entries: tuple[FileEntry, ...]
    content: Content
    origin: Origin
    limit: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a task: an observation, or the reason why there is none."""

    path: str
    observation: Observation | None = None
    reason: str | None = None
    detail: str | None = None


def observe(task: Task) -> Result:
    """Read and parse one execution directory. This is what runs in the workers."""
    path = task.origin.path
    try:
        lid = task.location.lid.text
        inventory = take_inventory(task.entries, lid)
        parsed = parse_execution(inventory, task.content, task.limit)
        others = other_files(task.entries, inventory, lid)
        return Result(path, assemble(task.location, parsed, task.origin, others))
    except TookTooLongError:
        raise
    except ParseError as error:
        return Result(path, reason=error.reason, detail=error.detail)
    except OSError as error:
        return Result(path, reason="unreadable", detail=str(error))
    except MemoryError:
        return Result(path, reason="out_of_memory", detail="it needs more memory than it may have")
    except Exception as error:
        return Result(path, reason="internal_error", detail=f"{type(error).__name__}: {error}")


def observe_each(tasks: Sequence[Task], limits: Limits) -> list[Result]:
    """Read and parse several directories, of one case if possible: these share most files."""
    return [_observe_limited(task, limits) for task in tasks]


def _observe_limited(task: Task, limits: Limits) -> Result:
    try:
        with limited_time(limits):
            return observe(task)
    except TookTooLongError as error:
        return Result(task.origin.path, reason="took_too_long", detail=str(error))


class Workers:
    """A pool of `jobs` processes that starts with the first batch that is worth it.

    With no `jobs` at all everything is read in this process, without limits of time and memory.
    """

    def __init__(
        self, jobs: int, limits: Limits | None = None, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._jobs = jobs
        self._stop = stop
        self._limits = limits or Limits()
        self._pool: _Pool | None = None
        self._alone = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    async def observe_all(self, tasks: Sequence[Task]) -> AsyncGenerator[Result, None]:
        """Give the result of every task, in no particular order.

        When `stop` tells so, only of those that have been begun. To be closed by whoever may not
        want them all: what has not been begun then never is.
        """
        if not self._jobs:
            for task in takewhile(lambda _: not self._stop(), tasks):
                yield await asyncio.to_thread(observe, task)
            return
        portions = takewhile(lambda _: not self._stop(), _portions(tasks))
        running = {self._submit(portion) for portion in islice(portions, self._jobs * _IN_FLIGHT)}
        try:
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                running |= {self._submit(portion) for portion in islice(portions, len(done))}
                for portion in done:
                    for result in portion.result():
                        yield result
        finally:
            for portion in running:
                portion.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _submit(self, portion: Sequence[Task]) -> "asyncio.Task[list[Result]]":
        return asyncio.create_task(self._observe_portion(portion))

    async def _observe_portion(self, portion: Sequence[Task]) -> list[Result]:
        pool = self._open()
        try:
            return await pool.run(observe_each, portion)
        except (BrokenProcessPool, OSError):
            if self._pool is pool:
                await self._close()
            async with self._alone:
                tasks = takewhile(lambda _: not self._stop(), portion)
                return [await self._observe_alone(task) for task in tasks]

    async def _observe_alone(self, task: Task) -> Result:
        """Try a task again by itself: it may be the one that killed the worker, or a bystander."""
        pool = _Pool(1, self._limits)
        try:
            return await pool.run(_observe_limited, task)
        except (BrokenProcessPool, OSError):
            detail = "the process that read it died"
            return Result(task.origin.path, reason="crashed", detail=detail)
        finally:
            await pool.close()

    def _open(self) -> "_Pool":
        if self._pool is None:
            self._pool = _Pool(self._jobs, self._limits)
        return self._pool

    async def _close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()


class _Pool:
    """Processes that start when there is work, and end when they are no longer wanted."""

    def __init__(self, jobs: int, limits: Limits) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])  # is imported once, not in each worker
        self._limits = limits
        self._executor = ProcessPoolExecutor(
            jobs, mp_context=context, initializer=_begin_worker, initargs=(limits,)
        )
        self._guard = asyncio.create_task(_break_when_stuck(self._executor))

    def run(self, work: Callable[[T, Limits], R], given: T) -> "asyncio.Future[R]":
        """Have a worker do something, and start one if need be.

        A terminal sends Ctrl-C to all processes, and others send SIGTERM so. It is the import's to
        heed: those that are started here inherit that both are blocked.
        """
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            loop = asyncio.get_running_loop()
            return loop.run_in_executor(self._executor, work, given, self._limits)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    async def close(self) -> None:
        """Wait for what the workers are at, while the loop goes on, and end them."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        self._guard.cancel()
        await asyncio.wait([self._guard])


async def _break_when_stuck(pool: ProcessPoolExecutor) -> None:
    """End a pool that does not notice that a worker has died.

    One that is killed while it tells a result leaves the pool waiting for the rest of it, as long
    as any process could still write that: the others, and this one itself.
    """
    looks_with_dead = 0
    while looks_with_dead < 2:  # at the second, the pool should have noticed
        await asyncio.sleep(_LOOK_SECONDS)
        looks_with_dead = looks_with_dead + 1 if _has_dead_worker(pool) else 0
    for process in _processes(pool):
        process.kill()
    pool._result_queue._writer.close()  # type: ignore[attr-defined]


def _has_dead_worker(pool: ProcessPoolExecutor) -> bool:
    try:
        return bool(connection.wait([each.sentinel for each in _processes(pool)], timeout=0))
    except (OSError, ValueError):  # one has been waited for just now
        return False


def _processes(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    return list((pool._processes or {}).values())


def _begin_worker(limits: Limits) -> None:
    """Limit a worker, and make it end when the import is killed: it would wait forever.

    The pool ends a worker by SIGTERM; what is sent to the import and all with it is not for it.
    """
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    tune_garbage_collector()
    limit_memory(limits)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _portions(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Cut tasks into portions for one worker each, along the borders of cases."""
    for _, of_case in groupby(tasks, lambda task: case_directory(task.origin.path)):
        while portion := list(islice(of_case, _PORTION)):
            yield portion
