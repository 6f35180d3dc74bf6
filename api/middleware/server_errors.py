"""Errors of the service itself: logged with the id of the request, answered without details."""

import logging
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import server_error_response

CLIENT_CLOSED_REQUEST = 499
"""The status, as in nginx, that is counted when the client has disconnected."""

_LOG = logging.getLogger("caseledger.api")


class ServerErrorMiddleware:
    """Middleware that answers uncaught errors with a 500.

    When an answer has already started, raising the error again makes the server abort it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def recording_send(message: MutableMapping[str, Any]) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, recording_send)
        except ClientDisconnect:
            if has_started:
                raise
            await Response(status_code=CLIENT_CLOSED_REQUEST)(scope, receive, send)
        except Exception as error:
            # ASGI: sending raises OSError when the client has disconnected
            if not (has_started and isinstance(error, OSError)):
                self._log(scope, error)
            if has_started:
                raise
            await server_error_response(Request(scope))(scope, receive, send)

    @staticmethod
    def _log(scope: Scope, error: Exception) -> None:
        request_id = scope.get("state", {}).get("request_id")
        _LOG.error("the service failed", exc_info=error, extra={"request_id": request_id})
