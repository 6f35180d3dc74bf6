"""What is known of a request when it has been answered, for logs and metrics."""

import time
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

NO_ROUTE = "none"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer.

    `route` is the template of the path, never the path, and nothing of the query is kept: what a
    client writes there may be a secret. `size` is that of the body as it was sent.
    """

    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    size: int
    token_id: str | None


class ExchangeMiddleware:
    """Tells listeners of every exchange when it is over.

    `prefix` is what most routes are included below; they do not know it themselves.
    """

    def __init__(
        self, app: ASGIApp, listeners: Sequence[Callable[[Exchange], None]], prefix: str
    ) -> None:
        self._app = app
        self._below = f"{prefix}/"
        self._listeners = tuple(listeners)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and watch its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status, size = int(HTTPStatus.INTERNAL_SERVER_ERROR), 0

        async def counting_send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counting_send)
        finally:
            route = _template(scope, self._below)
            exchange = _exchange(scope, route, status, time.perf_counter() - start, size)
            for listener in self._listeners:
                listener(exchange)


def _exchange(scope: Scope, route: str, status: int, seconds: float, size: int) -> Exchange:
    state = scope["state"]
    method = scope["method"]
    return Exchange(
        request_id=state["request_id"],
        method=method if method in _METHODS else "other",
        route=route,
        status=status,
        seconds=seconds,
        size=size,
        token_id=state.get("token_id"),
    )


def _template(scope: Scope, below: str) -> str:
    path = getattr(scope.get("route"), "path", None)
    if path is None:
        return NO_ROUTE
    is_below = scope["path"].startswith(below) and not path.startswith(below)
    return f"{below.removesuffix('/')}{path}" if is_below else str(path)
