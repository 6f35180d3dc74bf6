"""Several things at once, but not too many, none of which outlives what asked for it."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class AtOnce:
    """Runs coroutines, at most so many at a time, and waits for all of them at the end.

    An error of one, or in the body, cancels the others and is raised as it is.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: set[asyncio.Task[None]] = set()

    async def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something as soon as there is room for it."""
        self._running.add(asyncio.create_task(work))
        await self._until_fewer_than(self._most)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                await self._until_fewer_than(1)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _until_fewer_than(self, most: int) -> None:
        while len(self._running) >= most:
            done, self._running = await asyncio.wait(
                self._running, return_when=asyncio.FIRST_COMPLETED
            )
            failed = [task for task in done if task.cancelled() or task.exception() is not None]
            for task in failed:
                task.result()
