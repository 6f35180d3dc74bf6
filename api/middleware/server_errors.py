"""Faults of the service itself: logged with the id of the request, told without details."""

import logging
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import fault_response

CLIENT_CLOSED_REQUEST = 499
"""What is counted where nobody is left to answer, as nginx does."""

_LOG = logging.getLogger("caseledger.api")


class ServerErrorMiddleware:
    """Answers what nobody else has caught; an answer that is begun can only be broken off."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_begun = False

        async def noting_send(message: MutableMapping[str, Any]) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except ClientDisconnect:
            if is_begun:
                raise
            await Response(status_code=CLIENT_CLOSED_REQUEST)(scope, receive, send)
        except Exception as error:
            if not (is_begun and isinstance(error, OSError)):
                self._log(scope, error)
            if is_begun:
                raise
            await fault_response(Request(scope))(scope, receive, send)

    @staticmethod
    def _log(scope: Scope, error: Exception) -> None:
        request_id = scope.get("state", {}).get("request_id")
        _LOG.error("the service failed", exc_info=error, extra={"request_id": request_id})
