"""HEAD: what can be got can be asked for by its headers alone."""

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

_MARK = "caseledger.head"


class HeadMiddleware:
    """Answers HEAD as GET; the server leaves the body out."""

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
            scope["route"] = inner.get("route")  # logs want to know it


def is_head(request: Request) -> bool:
    """Tell whether nobody will see the body of the answer."""
    return _MARK in request.scope
