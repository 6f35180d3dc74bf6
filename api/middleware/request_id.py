"""Request ids, in the header `X-Request-ID`."""

import re
import uuid
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import REQUEST_ID_HEADER

_REQUEST_ID = re.compile(r"[A-Za-z0-9.-]{8,64}", re.ASCII)


class RequestIdMiddleware:
    """Middleware that gives every request an id, which every answer contains.

    The id of the client is used if it is well formed: short, and of characters that have no meaning
    in any log. A bearer token is not well formed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = header if _REQUEST_ID.fullmatch(header) else str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)
