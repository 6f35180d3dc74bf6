"""Pipelines that run: a few at a time, and each only as long as somebody waits for it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus

from api.http.errors import ProblemError
from models.errors import DatabaseTimeoutError

_PATIENCE = 2.0
_RETRY_SECONDS = 5
_MARGIN = 0.5
_LONGEST_ANSWER = 300.0


async def take_slot(slots: asyncio.Semaphore) -> None:
    """Take one of the slots, or refuse with a 503 when none gets free soon."""
    try:
        await asyncio.wait_for(slots.acquire(), _PATIENCE)
    except TimeoutError:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "overload",
            "Too many pipelines at the same time",
            "Try again in a moment.",
            headers={"Retry-After": str(_RETRY_SECONDS)},
        ) from None


class Run:
    """A pipeline that runs: what it gives, in chunks, until it is closed.

    MongoDB looks at the time only between documents, and goes on when the client that waits has
    gone. A task therefore reads by itself, and frees the slot when the server has answered: there
    are never more pipelines on the server than there are slots.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        slots: asyncio.Semaphore,
        seconds: float,
        chunk: int,
    ) -> None:
        self._ready: asyncio.Queue[bytes | Exception] = asyncio.Queue(1)
        self._seconds = seconds + _MARGIN
        self._is_open = True
        self._task = asyncio.create_task(self._read(pieces, slots, chunk))
        self._timer = asyncio.get_running_loop().call_later(_LONGEST_ANSWER, self.close)

    async def chunk(self) -> bytes:
        """Return what comes next, nothing at the end; DatabaseTimeoutError when it is too late."""
        if not self._is_open:
            raise DatabaseTimeoutError("the answer took too long to be read")
        try:
            ready = await asyncio.wait_for(self._ready.get(), self._seconds)
        except TimeoutError:
            raise DatabaseTimeoutError("MongoDB took too long") from None
        if isinstance(ready, Exception):
            raise ready
        return ready

    def close(self) -> None:
        """Tell that nobody waits any more."""
        self._is_open = False
        self._timer.cancel()
        while not self._ready.empty():
            self._ready.get_nowait()

    async def _read(
        self, pieces: AsyncGenerator[bytes, None], slots: asyncio.Semaphore, chunk: int
    ) -> None:
        end: bytes | Exception = b""
        try:
            await self._pass_on(pieces, chunk)
        except Exception as error:  # it belongs to whoever waits
            end = error
        finally:
            slots.release()
        if self._is_open:
            await self._ready.put(end)

    async def _pass_on(self, pieces: AsyncGenerator[bytes, None], chunk: int) -> None:
        gathered: list[bytes] = []
        size = 0
        async with aclosing(pieces):
            async for piece in pieces:
                gathered.append(piece)
                size += len(piece)
                if size >= chunk:
                    await self._ready.put(b"".join(gathered))
                    gathered, size = [], 0
                await asyncio.sleep(0)  # what is in memory already comes without a pause
                if not self._is_open:
                    return
        if gathered:
            await self._ready.put(b"".join(gathered))
