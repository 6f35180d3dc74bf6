"""Workers: the processes that read and parse execution directories.

An execution that kills its worker fails alone: the rest of its portion is read again.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial
from itertools import groupby, islice, takewhile
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from ingest.cases.sources.base import case_directory
from ingest.cases.task import Result, Task
from ingest.concurrency.gc_tuning import tune_garbage_collector
from ingest.concurrency.limits import Limits, limit_memory
from ingest.concurrency.worker_pool import WorkerCrashedError, WorkerPool
from models.log_lines import is_logging_json, log_as_json

_IN_FLIGHT = 2  # portions for each worker: one that it parses, and the next
_MAX_PORTION = 16
_OBSERVE = "ingest.cases.observe"


class Workers:
    """Parses execution directories in `jobs` processes, which start with the first of them.

    With no `jobs` at all everything is read in this process, without limits of time and memory.
    """

    def __init__(
        self, jobs: int, limits: Limits | None = None, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._jobs = jobs
        self._stop = stop
        self._limits = limits or Limits()
        self._pool: WorkerPool | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def observe_all(self, tasks: Sequence[Task]) -> AsyncGenerator[Result, None]:
        """Yield results in completion order.

        Once `stop()` is true no further task starts. Close the generator to abandon the rest.
        """
        if not self._jobs:
            for task in takewhile(lambda _: not self._stop(), tasks):
                yield await asyncio.to_thread(_observe, task)
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
        try:
            return await self._call(portion)
        except WorkerCrashedError:
            tasks = takewhile(lambda _: not self._stop(), portion)
            return [await self._observe_alone(task) for task in tasks]

    async def _observe_alone(self, task: Task) -> Result:
        """Observe a task of a portion in which one has killed the worker."""
        try:
            (result,) = await self._call([task])
        except WorkerCrashedError:
            detail = "the process that read it died"
            return Result(task.origin.path, reason="crashed", detail=detail)
        return result

    async def _call(self, portion: Sequence[Task]) -> list[Result]:
        if self._pool is None:
            begin = partial(_begin_worker, self._limits, as_json=is_logging_json())
            self._pool = WorkerPool(self._jobs, begin, _OBSERVE)
        return await self._pool.call(partial(_observe_each, limits=self._limits), portion)


# An import that finds nothing new needs no parsers: they are imported where they run.


def _observe_each(tasks: Sequence[Task], limits: Limits) -> list[Result]:
    from ingest.cases.observe import observe_each

    return observe_each(tasks, limits)


def _observe(task: Task) -> Result:
    from ingest.cases.observe import observe

    return observe(task)


def _begin_worker(limits: Limits, *, as_json: bool = False) -> None:
    """Limit this process, and make it end with its parent.

    It leaves the process group, so that signals to the group reach only the import. With `as_json`,
    what it writes to stderr are lines of JSON.
    """
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    if as_json:
        log_as_json()
    tune_garbage_collector()
    limit_memory(limits)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _portions(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Yield portions of tasks for one worker each; no portion holds tasks of two cases."""
    for _, of_case in groupby(tasks, lambda task: case_directory(task.origin.path)):
        while portion := list(islice(of_case, _MAX_PORTION)):
            yield portion
