"""HTTP as uvicorn speaks it, with a deadline for the headers of a request."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 31\r\nconnection: close\r\n\r\nThe headers arrived too slowly."
)


def protocol_with_deadline(seconds: float) -> type[HttpToolsProtocol]:
    """Return a protocol that disconnects clients whose headers take longer than `seconds`.

    So it does with those that go on with a body for longer than that after the answer. Until the
    headers are complete no middleware sees a request.
    """
    return type("DeadlineProtocol", (_DeadlineProtocol,), {"seconds": seconds})


class _DeadlineProtocol(HttpToolsProtocol):
    seconds: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._is_message_complete = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_deadline(_TOO_SLOW)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_message_complete = False
        if self._deadline is None:
            self._start_deadline(_TOO_SLOW)

    def on_headers_complete(self) -> None:
        self._stop_deadline()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_message_complete = True
        self._stop_deadline()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_message_complete:
            self._start_deadline(b"")

    def _start_deadline(self, last_words: bytes) -> None:
        self._stop_deadline()
        self._deadline = self.loop.call_later(self.seconds, self._end, last_words)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, last_words: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(last_words)
            self.transport.close()
