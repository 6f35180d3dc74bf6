"""Threads for work that takes seconds, apart from those for short work."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

_LONG_WORK = ThreadPoolExecutor(2, thread_name_prefix="long-work")


async def in_long_thread(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, which may take seconds.

    `asyncio.to_thread` has few threads, and every request needs one now and then for a moment.
    """
    return await asyncio.get_running_loop().run_in_executor(_LONG_WORK, work)
