"""Errors of the service itself: logged with the id of the request, answered without details."""

import errno
import logging
import tempfile
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import ProblemError, problem_response, server_error_response

CLIENT_CLOSED_REQUEST = 499
"""The status, as in nginx, that is counted when the client has disconnected."""

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_LOG = logging.getLogger("caseledger.api")


class ServerErrorMiddleware:
    """Middleware that answers uncaught errors with a 500, or with a 507 for want of disk space.

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
            await _answer(Request(scope), error)(scope, receive, send)

    @staticmethod
    def _log(scope: Scope, error: Exception) -> None:
        extra = {"request_id": scope.get("state", {}).get("request_id")}
        if _is_lack_of_space(error):
            _LOG.error("%s is full: %s", tempfile.gettempdir(), error, extra=extra)
        else:
            _LOG.error("the service failed", exc_info=error, extra=extra)


def _answer(request: Request, error: Exception) -> Response:
    if not _is_lack_of_space(error):
        return server_error_response(request)
    problem = ProblemError(
        HTTPStatus.INSUFFICIENT_STORAGE,
        "temporary-directory-full",
        "The temporary directory is full",
        "The service has no space for the body. Its operator frees some in the temporary directory,"
        " or sets TMPDIR to a directory on a larger disk; then the same request works.",
    )
    return problem_response(request, problem)


def _is_lack_of_space(error: Exception) -> bool:
    """Return whether there is no space: all that the service itself writes is temporary files."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE
