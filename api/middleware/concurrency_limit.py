"""The limit on the number of requests that are answered at the same time."""

from collections.abc import Collection
from http import HTTPStatus

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import ProblemError, problem_response

_RETRY_SECONDS = 1


class ConcurrencyLimitMiddleware:
    """Middleware that refuses requests while `limit` others run; `exempt` paths always pass."""

    def __init__(self, app: ASGIApp, limit: int, exempt: Collection[str]) -> None:
        self._app = app
        self._limit = limit
        self._exempt = frozenset(exempt)
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a 503."""
        if scope["type"] != "http" or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
            return
        if self._running >= self._limit:
            answer = problem_response(Request(scope), _overloaded())
            await answer(scope, receive, send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1


def _overloaded() -> ProblemError:
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "overload",
        "Too many requests at the same time",
        "Try again in a moment.",
        headers={"Retry-After": str(_RETRY_SECONDS)},
    )
