"""Errors as problem documents (RFC 9457), each with the id of its request."""

import difflib
import logging
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.http.allowed_methods import allowed_methods
from models.embedded.server import full_disk
from models.errors import (
    CaseledgerError,
    ConflictError,
    DatabaseError,
    DatabaseFullError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    DocumentTooLargeError,
    DuplicateError,
    NotFoundError,
    NotOwnerError,
    OutdatedError,
    OverloadError,
    WriteConflictError,
)

_LOG = logging.getLogger("caseledger.api")

MEDIA_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-ID"
_URN = "urn:caseledger:problem:"
_RETRY_SECONDS = "5"


class ProblemError(Exception):
    """An error as the answer to a request; `kind` ends the URN in `type` of the document."""

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        title: str,
        detail: str,
        errors: Sequence[dict[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.errors = errors
        self.headers = headers


def not_found(what: str, identity: str) -> ProblemError:
    """Return the error that no `what` with this id exists."""
    return ProblemError(
        HTTPStatus.NOT_FOUND, "not-found", "Not found", f"There is no {what} {identity[:200]!r}."
    )


def bad_parameter(name: str, detail: str) -> ProblemError:
    """Return the error, a 400, that a query parameter is unknown or cannot be used so."""
    return ProblemError(
        HTTPStatus.BAD_REQUEST,
        "bad-parameter",
        "Bad query parameter",
        detail,
        [{"parameter": name, "detail": detail}],
    )


def bad_value(name: str, detail: str) -> ProblemError:
    """Return the error, a 422, that a parameter has an invalid value."""
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-request",
        "Invalid request",
        f"{name[:200]}: {detail}",
        [{"parameter": name[:200], "detail": detail}],
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: a question for the most similar one."""
    similar = difflib.get_close_matches(name[:100], list(known), n=1, cutoff=0.5)
    return f"; did you mean {similar[0]!r}?" if similar else "."


_DATABASE_ERRORS: tuple[tuple[type[DatabaseError], HTTPStatus, str, str, str], ...] = (
    (
        DatabaseTimeoutError,
        HTTPStatus.GATEWAY_TIMEOUT,
        "timeout",
        "The database took too long",
        "Request less: use a smaller limit or a narrower filter.",
    ),
    (
        DatabaseUnavailableError,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "database-unavailable",
        "The database cannot be reached",
        "Try again in a moment.",
    ),
    (
        DatabaseFullError,
        HTTPStatus.INSUFFICIENT_STORAGE,
        "database-full",
        "The disk of the database is full",
        "Free some space on the disk of MongoDB or CASELEDGER_HOME, and send the request again.",
    ),
    (
        DocumentTooLargeError,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        "Too large",
        "The document would exceed the 16 MiB that the database stores.",
    ),
    (
        DuplicateError,
        HTTPStatus.CONFLICT,
        "conflict",
        "Conflict",
        "Something with this identity exists already.",
    ),
    (
        WriteConflictError,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "write-conflict",
        "Others keep writing the same document",
        "Nothing was changed. Try again in a moment.",
    ),
    (
        DatabaseError,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "database-error",
        "The database refused the request",
        "The log of the server has the details.",
    ),
)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(DatabaseError, _on_database_error)
    app.add_exception_handler(CaseledgerError, _on_refusal)
    app.add_exception_handler(Exception, _on_exception)


def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem_response(request, error)


def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    detail = f"There is nothing at {request.url.path[:200]}." if status == 404 else error.detail
    kind = status.phrase.lower().replace(" ", "-")
    answer = problem_response(request, ProblemError(status, kind, status.phrase, detail))
    answer.headers.update(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = allowed_methods(request)
    return answer


def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"parameter": ".".join(map(str, item["loc"][1:])) or "body", "detail": item["msg"]}
        for item in error.errors()
    ]
    detail = "; ".join(f"{item['parameter']}: {item['detail']}" for item in errors)
    problem = ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", "Invalid request", detail, errors
    )
    return problem_response(request, problem)


def _on_database_error(request: Request, error: Exception) -> Response:
    _, status, kind, title, detail = next(
        row for row in _DATABASE_ERRORS if isinstance(error, row[0])
    )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        request_id = getattr(request.state, "request_id", None)
        _LOG.warning("%s: %s", title, error, extra={"request_id": request_id})
    if isinstance(error, DatabaseUnavailableError):
        reason = full_disk(request.app.state.settings) or error.reason
        detail = f"{reason[:1].upper()}{reason[1:]}. {detail}" if reason else detail
    answer = problem_response(request, ProblemError(status, kind, title, detail))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = _RETRY_SECONDS
    return answer


_REFUSALS: Mapping[type[CaseledgerError], tuple[HTTPStatus, str, str]] = {
    NotFoundError: (HTTPStatus.NOT_FOUND, "not-found", "Not found"),
    ConflictError: (HTTPStatus.CONFLICT, "conflict", "Conflict"),
    NotOwnerError: (HTTPStatus.FORBIDDEN, "not-owner", "It belongs to somebody else"),
    OutdatedError: (HTTPStatus.PRECONDITION_FAILED, "outdated", "It has changed in the meantime"),
    OverloadError: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "overload",
        "Too many requests at the same time",
    ),
}


def _on_refusal(request: Request, error: Exception) -> Response:
    """Answer an error that the client can correct or wait for; raise any other of ours again."""
    row = next((row for kind, row in _REFUSALS.items() if isinstance(error, kind)), None)
    if row is None:
        raise error
    answer = problem_response(request, ProblemError(*row, f"{error}."))
    if row[0] == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = _RETRY_SECONDS
    return answer


def _on_exception(request: Request, _error: Exception) -> Response:
    return server_error_response(request)


def server_error_response(request: Request) -> Response:
    """Return the answer to a request that made the server fail; it does not say why."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "This is an error of the server. Its log has the details, under the request id."
    return problem_response(request, ProblemError(status, "internal", status.phrase, detail))


def problem_response(request: Request, problem: ProblemError) -> Response:
    """Return the answer with the document of a problem."""
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
    headers = dict(problem.headers or {})
    if request_id:
        headers[REQUEST_ID_HEADER] = request_id
    return Response(orjson.dumps(document), int(problem.status), headers, MEDIA_TYPE)
