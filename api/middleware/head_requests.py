"""HEAD requests: every path that supports GET supports HEAD."""

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

_MARK = "caseledger.head"


class HeadMiddleware:
    """Middleware that answers HEAD like GET; the server omits the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, a HEAD as a GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        inner = {**scope, "method": "GET", _MARK: True}
        try:
            await self._app(inner, receive, send)
        finally:
            scope["route"] = inner.get("route")  # for logs and metrics


def is_head(request: Request) -> bool:
    """Return whether this is a HEAD request: the body of the answer will not be sent."""
    return _MARK in request.scope
