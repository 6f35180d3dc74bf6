"""The limit on the number of requests that are worked on at the same time."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import ProblemError, problem_response

_RETRY_SECONDS = 1
_WAITING_FACTOR = 10
"""How many times as many requests may wait for their clients as may be worked on.

Beyond that, requests with a body are refused; others have nothing to wait for.
"""


class ConcurrencyLimitMiddleware:
    """Middleware that refuses requests while `limit` others are worked on.

    While a request waits for its client, to send more of the body or to read more of the answer,
    its place is free for others, so that slow clients do not take the places of quick ones.
    `exempt` paths always pass.
    """

    def __init__(self, app: ASGIApp, limit: int, exempt: Collection[str]) -> None:
        self._app = app
        self._exempt = frozenset(exempt)
        self._places = asyncio.Semaphore(limit)
        self._max_waiting = limit * _WAITING_FACTOR
        self._waiting = Waiting()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a 503."""
        if scope["type"] != "http" or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
            return
        has_body = _has_body(scope)
        is_crowded = has_body and self._waiting.number >= self._max_waiting
        if self._places.locked() or is_crowded:
            answer = problem_response(Request(scope), _overloaded())
            await answer(scope, receive, send)
            return
        place = Place(self._places, self._waiting)
        is_receiving = True

        async def receive_aside() -> MutableMapping[str, Any]:
            nonlocal is_receiving
            if not is_receiving:  # whoever calls now waits in parallel for a disconnect
                return await receive()
            async with place.left_to_receive():
                message = await receive()
            is_receiving = message.get("more_body", False)
            return message

        async def send_aside(message: MutableMapping[str, Any]) -> None:
            nonlocal is_receiving
            is_receiving = False
            async with place.left_to_send():
                await send(message)

        await place.take()
        try:
            await self._app(scope, receive_aside, send_aside)
        finally:
            place.give_up()


class Waiting:
    """How many requests wait for their clients."""

    number = 0


class Place:
    """The place of one request, which it leaves and takes again.

    Before the answer, it works unless it waits for more of the body; after that, unless the client
    has to read first. Whoever waits in parallel for the rest of a body, or for a disconnect, does
    not count then.
    """

    def __init__(self, places: asyncio.Semaphore, waiting: Waiting) -> None:
        self._places = places
        self._waiting = waiting
        self._is_taken = self._is_given_up = False
        self._is_answering = self._is_sending = False
        self._taking = asyncio.Lock()

    async def take(self) -> None:
        """Take the place, unless the request has it or needs none."""
        async with self._taking:
            if self._is_taken or self._needs_none:
                return
            await self._places.acquire()
            self._is_taken = True
        if self._needs_none:
            self._leave()

    def give_up(self) -> None:
        """Leave the place for good; whoever is about to take it does not keep it."""
        self._is_given_up = True
        self._leave()

    @asynccontextmanager
    async def left_to_receive(self) -> AsyncIterator[None]:
        """Leave the place, and take it again at the end unless the answer has begun."""
        with self._away():
            yield
        if not self._is_answering:
            await self.take()

    @asynccontextmanager
    async def left_to_send(self) -> AsyncIterator[None]:
        """Leave the place, and take it again at the end."""
        self._is_answering = self._is_sending = True
        try:
            with self._away():
                yield
        finally:
            self._is_sending = False
        await self.take()

    @contextmanager
    def _away(self) -> Iterator[None]:
        self._leave()
        self._waiting.number += 1
        try:
            yield
        finally:
            self._waiting.number -= 1

    @property
    def _needs_none(self) -> bool:
        return self._is_given_up or self._is_sending

    def _leave(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._places.release()


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _overloaded() -> ProblemError:
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "overload",
        "Too many requests at the same time",
        "Try again in a moment.",
        headers={"Retry-After": str(_RETRY_SECONDS)},
    )
