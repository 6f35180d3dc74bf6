"""The execution of pipelines: few at a time, and each only as long as its client waits."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus

from api.http.errors import ProblemError
from models.errors import DatabaseTimeoutError

_SLOT_WAIT_SECONDS = 2.0
_RETRY_SECONDS = 5
_MARGIN_SECONDS = 0.5  # beyond the time limit of MongoDB itself
_MAX_RESPONSE_SECONDS = 300.0  # from the start to the last chunk, however slowly it is read


async def take_slot(slots: asyncio.Semaphore) -> None:
    """Take one of the slots, or refuse with a 503 when none becomes free soon."""
    try:
        await asyncio.wait_for(slots.acquire(), _SLOT_WAIT_SECONDS)
    except TimeoutError:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "overload",
            "Too many pipelines at the same time",
            "Try again in a moment.",
            headers={"Retry-After": str(_RETRY_SECONDS)},
        ) from None


class PipelineRun:
    """A running pipeline whose result is read in chunks until it is closed.

    A task of its own reads the result. It gives its slot back while the client has not taken what
    is ready, because MongoDB does not work on it then. Closing the run cancels the task, which
    closes the connection or the cursor, and MongoDB ends the operation as soon as it has finished
    the document that it works on. That takes about a second at most: see `api.aggregation.work`.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        slots: asyncio.Semaphore,
        seconds: float,
        chunk_size: int,
    ) -> None:
        self._ready: asyncio.Queue[bytes | Exception] = asyncio.Queue(1)
        self._seconds = seconds + _MARGIN_SECONDS
        self._is_open = True
        self._slots = slots
        self._has_slot = True
        self._task = asyncio.create_task(self._read(pieces, chunk_size))
        self._task.add_done_callback(lambda _: self._release_slot())
        self._timer = asyncio.get_running_loop().call_later(_MAX_RESPONSE_SECONDS, self.close)

    async def chunk(self) -> bytes:
        """Return the next chunk, empty at the end; raise the error with which the pipeline failed.

        Raise DatabaseTimeoutError when the chunk takes too long, or the client has taken too long
        to read those before.
        """
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
        """Discard the rest of the result: no client waits for it any more."""
        self._is_open = False
        self._timer.cancel()
        self._task.cancel()
        while not self._ready.empty():
            self._ready.get_nowait()

    async def _read(self, pieces: AsyncGenerator[bytes, None], chunk_size: int) -> None:
        end: bytes | Exception = b""
        try:
            await self._queue_chunks(pieces, chunk_size)
        except Exception as error:  # `chunk` raises it in the task of the request
            end = error
        if self._is_open:
            await self._ready.put(end)

    def _release_slot(self) -> None:
        if self._has_slot:
            self._has_slot = False
            self._slots.release()

    async def _hand_over(self, chunk: bytes) -> None:
        if not self._ready.full():
            self._ready.put_nowait(chunk)
            return
        self._release_slot()
        await self._ready.put(chunk)
        await self._slots.acquire()
        self._has_slot = True

    async def _queue_chunks(self, pieces: AsyncGenerator[bytes, None], chunk_size: int) -> None:
        pending: list[bytes] = []
        size = 0
        async with aclosing(pieces):
            async for piece in pieces:
                pending.append(piece)
                size += len(piece)
                if size >= chunk_size:
                    await self._hand_over(b"".join(pending))
                    pending, size = [], 0
                # Pieces that are in memory already arrive without yielding to the event loop.
                await asyncio.sleep(0)
                if not self._is_open:  # a cancellation can be lost in the driver
                    return
        if pending:
            await self._hand_over(b"".join(pending))
