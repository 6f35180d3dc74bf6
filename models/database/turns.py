"""Turns: within this process, one writer at a time for each document."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.errors import WriteConflictError


class Turns:
    """The queues of writers, in order of arrival, one queue for each document that is written.

    Writers of other processes are found by the revision that a write expects. Within a process that
    alone would let the fastest writer win each time, and others lose until they give up.
    """

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    @asynccontextmanager
    async def turn(self, document: str, seconds: float) -> AsyncIterator[None]:
        """Wait until all writers of `document` that came before have ended, and be the only one.

        Raise WriteConflictError when it takes longer than `seconds`.
        """
        queue = self._queues.setdefault(document, _Queue())
        queue.writers += 1
        try:
            try:
                async with asyncio.timeout(seconds):
                    await queue.lock.acquire()
            except TimeoutError:
                raise WriteConflictError(f"{document}: others keep writing it; try again") from None
            try:
                yield
            finally:
                queue.lock.release()
        finally:
            queue.writers -= 1
            if not queue.writers:
                del self._queues[document]


class _Queue:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.writers = 0
