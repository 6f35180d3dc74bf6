"""A task group with an upper bound on the tasks that run at the same time."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class BoundedTasks:
    """A task group that runs at most `limit` tasks, and waits for all of them at the end.

    An error of a task or of the body cancels the other tasks. It is raised unwrapped, not in an
    ExceptionGroup, because callers handle the errors of the database by their class.
    """

    def __init__(self, limit: int) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._group = asyncio.TaskGroup()

    async def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait until fewer than `limit` tasks are running, and start another."""
        try:
            await self._slots.acquire()
            task = self._group.create_task(work)
        except BaseException:
            work.close()
            raise
        task.add_done_callback(lambda _: self._slots.release())

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
