"""Threads for work that takes seconds, apart from those for short work."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from models.errors import OverloadError

Result = TypeVar("Result")

_MAX_RUNNING = 2
_MAX_WAITING = 20


class LongWork:
    """Work that takes seconds, in threads of its own: a few run, some wait, others are refused.

    `asyncio.to_thread` has few threads, and every request needs one now and then for a moment.
    """

    def __init__(self, max_running: int, max_waiting: int) -> None:
        self._threads = ThreadPoolExecutor(max_running, thread_name_prefix="long-work")
        self._limit = max_running + max_waiting
        self._begun = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns; raise OverloadError when too much is waiting."""
        if self._begun >= self._limit:
            raise OverloadError("too many large bodies are being read; try again in a minute")
        self._begun += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._begun -= 1


_LONG_WORK = LongWork(_MAX_RUNNING, _MAX_WAITING)


async def in_long_thread(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, which may take seconds; OverloadError when much is waiting."""
    return await _LONG_WORK.run(work)
