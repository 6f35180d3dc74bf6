"""Headers that restrict what browsers and caches do with the answers."""

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.content_policy import NO_EMBEDDING

_FIXED = {
    "Content-Security-Policy": f"default-src 'none'; {NO_EMBEDDING}",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_ERROR = 400


class SecurityHeadersMiddleware:
    """Middleware that adds the security and caching headers that an answer does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the headers to its answer."""
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
    """Return the `Cache-Control`: errors are not stored; the rest is revalidated by entity tag."""
    if status >= _ERROR:
        return "no-store"
    return "private, no-cache" if is_private else "no-cache"
