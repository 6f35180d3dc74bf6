"""Headers that keep browsers and caches from doing what they should not."""

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.content_policy import _NOWHERE

_FIXED = {
    "Content-Security-Policy": f"default-src 'none'; {_NOWHERE}",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_ERROR = 400


class SecurityHeadersMiddleware:
    """Adds to every answer what it does not say itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with more headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_private = "authorization" in Headers(scope=scope)

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _FIXED.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", _caching(message["status"], is_private))
                headers.add_vary_header("Authorization")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _caching(status: int, is_private: bool) -> str:
    """Errors pass; everything else can be asked for again by its entity tag."""
    if status >= _ERROR:
        return "no-store"
    return "private, no-cache" if is_private else "no-cache"
