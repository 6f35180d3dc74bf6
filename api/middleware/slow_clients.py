"""The time that the service gives its clients to send a body and to read an answer."""

import asyncio
import time
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import ProblemError

_MAX_SEND_SECONDS = 300.0


class SlowClientMiddleware:
    """Middleware that ends requests whose body arrives too slowly, with a 408.

    The service waits `seconds` for a body altogether, and one more for each `bytes_per_second` that
    have arrived; the time in which it does something else does not count. A client that reads
    nothing of an answer for five minutes is disconnected.
    """

    def __init__(self, app: ASGIApp, seconds: float, bytes_per_second: int) -> None:
        self._app = app
        self._seconds = seconds
        self._bytes_per_second = bytes_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_receiving = True
        waited, size = 0.0, 0

        async def receive_in_time() -> MutableMapping[str, Any]:
            nonlocal is_receiving, waited, size
            if not is_receiving:  # what is awaited now is a disconnect
                return await receive()
            start = time.monotonic()
            allowed = self._seconds + size / self._bytes_per_second
            try:
                async with asyncio.timeout(allowed - waited):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow(size) from None
            waited += time.monotonic() - start
            size += len(message.get("body", b""))
            is_receiving = message.get("more_body", False)
            return message

        async def send_in_time(message: MutableMapping[str, Any]) -> None:
            nonlocal is_receiving
            is_receiving = False
            try:
                async with asyncio.timeout(_MAX_SEND_SECONDS):
                    await send(message)
            except TimeoutError:
                raise ConnectionError("the client does not read the answer") from None

        await self._app(scope, receive_in_time, send_in_time)

    def _too_slow(self, size: int) -> ProblemError:
        return ProblemError(
            HTTPStatus.REQUEST_TIMEOUT,
            "slow-body",
            "The body arrives too slowly",
            f"{size} bytes have arrived. A body has {self._seconds:g} seconds, and one more for"
            f" each {self._bytes_per_second} bytes.",
            headers={"Connection": "close"},
        )
