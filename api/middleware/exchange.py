"""Exchanges: what logs and metrics record of each request and its answer."""

import re
import time
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from models.redaction.text import MASK, masked_text

NO_ROUTE = "none"
_MAX_SEARCHED, _MAX_SHOWN = 4096, 200  # characters of a path
_LONGEST_WORD = 40
_CONVERTER = re.compile(r":[a-z]+}")  # as in {session:path}, which the API document leaves out
_LONG_WORD = re.compile(r"[\w+=~%-]{16,}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer.

    `route` is the template of the path, and `NO_ROUTE` when there is none for the path. `path` may
    contain a secret: show it as `printable_path` does, and only when it has no route. The query is
    not kept. `size` is the number of bytes of the body that was sent.
    """

    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    size: int
    token_id: str | None
    path: str = ""


class ExchangeMiddleware:
    """Middleware that calls the listeners with every exchange, after it has ended.

    `prefix` is the path below which most routes are included; their templates do not contain it.
    """

    def __init__(
        self, app: ASGIApp, listeners: Sequence[Callable[[Exchange], None]], prefix: str
    ) -> None:
        self._app = app
        self._below = f"{prefix}/"
        self._listeners = tuple(listeners)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and record its answer."""
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
        path=scope["path"][:_MAX_SEARCHED],
    )


def printable_path(path: str) -> str:
    """Return a path that no route has: short, on one line, and without what may be a secret."""
    masked = _LONG_WORD.sub(_masked_word, masked_text(path))
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in masked)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[: _MAX_SHOWN - 1]}…"


def _masked_word(match: re.Match[str]) -> str:
    """Return a long word of a path, or stars when it looks like a token, a key or a digest."""
    word = match[0]
    kinds = sum(any(map(test, word)) for test in (str.isdigit, str.islower, str.isupper))
    return MASK if kinds > 1 or len(word) >= _LONGEST_WORD else word


def _template(scope: Scope, below: str) -> str:
    """Return the path template of the route, with the prefix when it is included below that."""
    path = getattr(scope.get("route"), "path", None)
    if path is None:
        return NO_ROUTE
    path = _CONVERTER.sub("}", str(path))
    is_below = scope["path"].startswith(below) and not path.startswith(below)
    return f"{below.removesuffix('/')}{path}" if is_below else path
