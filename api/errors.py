"""Errors as RFC 9457 problem documents, each with the id of its request."""

import difflib
import uuid
from collections.abc import Iterable, MutableMapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from models.errors import (
    DatabaseError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
)

MEDIA_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-ID"
_URN = "urn:caseledger:problem:"
_RETRY_SECONDS = "5"


class ProblemError(Exception):
    """An answer that is an error: `kind` names it in the `type` of the document."""

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        title: str,
        detail: str,
        errors: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.errors = errors


def not_found(what: str, identity: str) -> ProblemError:
    """Return the error that something with this id does not exist."""
    return ProblemError(
        HTTPStatus.NOT_FOUND, "not-found", "Not found", f"There is no {what} {identity[:200]!r}."
    )


def bad_parameter(name: str, detail: str) -> ProblemError:
    """Return the error that a query parameter is unknown or makes no sense."""
    return ProblemError(
        HTTPStatus.BAD_REQUEST,
        "bad-parameter",
        "Bad query parameter",
        detail,
        [{"parameter": name, "detail": detail}],
    )


def bad_value(name: str, detail: str) -> ProblemError:
    """Return the error that a parameter has a value that it cannot have."""
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-request",
        "Invalid request",
        f"{name[:200]}: {detail}",
        [{"parameter": name[:200], "detail": detail}],
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that refuses a name: a question for the nearest known one."""
    found = difflib.get_close_matches(name[:100], list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else "."


_DATABASE_ERRORS: tuple[tuple[type[DatabaseError], HTTPStatus, str, str, str], ...] = (
    (
        DatabaseTimeoutError,
        HTTPStatus.GATEWAY_TIMEOUT,
        "timeout",
        "The database took too long",
        "Ask for less: a smaller limit, or a narrower filter.",
    ),
    (
        DatabaseUnavailableError,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "database-unavailable",
        "The database cannot be reached",
        "Try again in a moment.",
    ),
    (
        DatabaseError,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "database-error",
        "The database refused the request",
        "The server's log tells more.",
    ),
)


def add_error_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(DatabaseError, _on_database_error)
    app.add_exception_handler(Exception, _on_exception)


class RequestId:
    """Gives every request an id, and tells it in every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)


def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return _answer(request, error)


def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    detail = f"There is nothing at {request.url.path[:200]}." if status == 404 else error.detail
    kind = status.phrase.lower().replace(" ", "-")
    answer = _answer(request, ProblemError(status, kind, status.phrase, detail))
    answer.headers.update(error.headers or {})
    return answer


def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"parameter": ".".join(str(part) for part in item["loc"][1:]), "detail": item["msg"]}
        for item in error.errors()
    ]
    detail = "; ".join(f"{item['parameter']}: {item['detail']}" for item in errors)
    problem = ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", "Invalid request", detail, errors
    )
    return _answer(request, problem)


def _on_database_error(request: Request, error: Exception) -> Response:
    _, status, kind, title, detail = next(
        row for row in _DATABASE_ERRORS if isinstance(error, row[0])
    )
    answer = _answer(request, ProblemError(status, kind, title, detail))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = _RETRY_SECONDS
    return answer


def _on_exception(request: Request, _error: Exception) -> Response:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "This is a fault of the server; its log tells more, by the request id."
    return _answer(request, ProblemError(status, "internal", status.phrase, detail))


def _answer(request: Request, problem: ProblemError) -> Response:
    request_id = getattr(request.state, "request_id", None)
    document: dict[str, Any] = {
        "type": f"{_URN}{problem.kind}",
        "title": problem.title,
        "status": int(problem.status),
        "detail": problem.detail,
        "instance": request.url.path,
        "requestId": request_id,
    }
    if problem.errors:
        document["errors"] = list(problem.errors)
    headers = {REQUEST_ID_HEADER: request_id} if request_id else None
    return Response(orjson.dumps(document), int(problem.status), headers, MEDIA_TYPE)
