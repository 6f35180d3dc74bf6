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
from types import TracebackType
from typing import Self, TypeVar

from ingest.assemble import Observation, Origin, assemble
from ingest.inventory import FileEntry, other_files, take_inventory
from ingest.layout import Location
from ingest.limits import Limits, TookTooLongError, limit_memory, limited_time
from ingest.parse import parse_execution
from ingest.sources import Content, case_directory
from models.errors import ParseError
from models.garbage import collect_seldom

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
        self._pool: ProcessPoolExecutor | None = None
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
            return await _run(pool, observe_each, portion, self._limits)
        except BrokenProcessPool:
            if self._pool is pool:
                await self._close()
            async with self._alone:
                return [await self._observe_alone(task) for task in portion]

    async def _observe_alone(self, task: Task) -> Result:
        """Try a task again by itself: it may be the one that killed the worker, or a bystander."""
        pool = self._new_pool(1)
        try:
            return await _run(pool, _observe_limited, task, self._limits)
        except BrokenProcessPool:
            detail = "the process that read it died"
            return Result(task.origin.path, reason="crashed", detail=detail)
        finally:
            await _shut_down(pool)

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = self._new_pool(self._jobs)
        return self._pool

    def _new_pool(self, jobs: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])  # is imported once, not in each worker
        return ProcessPoolExecutor(
            jobs, mp_context=context, initializer=_begin_worker, initargs=(self._limits,)
        )

    async def _close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await _shut_down(pool)


async def _shut_down(pool: ProcessPoolExecutor) -> None:
    """Wait for what the workers of a pool are at, while the loop goes on, and end them."""
    await asyncio.to_thread(pool.shutdown, cancel_futures=True)


def _run(
    pool: ProcessPoolExecutor, work: Callable[[T, Limits], R], given: T, limits: Limits
) -> "asyncio.Future[R]":
    """Have a worker do something, and start one if need be.

    A terminal sends Ctrl-C to all processes. It is the import's to heed: those that are started
    here inherit that it is blocked.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return asyncio.get_running_loop().run_in_executor(pool, work, given, limits)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _begin_worker(limits: Limits) -> None:
    """Limit a worker, and make it end when the import is killed: it would wait forever."""
    collect_seldom()
    limit_memory(limits)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: "multiprocessing.process.BaseProcess") -> None:
    parent.join()
    os._exit(1)


def _portions(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Cut tasks into portions for one worker each, along the borders of cases."""
    for _, of_case in groupby(tasks, lambda task: case_directory(task.origin.path)):
        while portion := list(islice(of_case, _PORTION)):
            yield portion
