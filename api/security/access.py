"""Access to routes: who the caller is, and which routes they may use."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.http.errors import ProblemError
from api.security.throttle import Throttle
from models.database.client import Database
from models.settings import Settings
from models.tokens.store import note_use
from models.tokens.token import Scope, implied_scopes, is_secret_of, is_valid, split_token

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_CHALLENGE = 'Bearer realm="caseledger"'


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a route: the owner of a token, or anonymous when `token_id` is None."""

    token_id: str | None
    name: str
    scopes: frozenset[Scope]

    def check(self, scope: Scope) -> None:
        """Raise an error unless the caller has the scope: a 401 when anonymous, otherwise a 403."""
        if scope in self.scopes:
            return
        if self.token_id is None:
            raise unauthorized("This needs a bearer token.", f'scope="{scope}"')
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "missing-scope",
            "The token does not allow this",
            f"This needs the scope {scope!r}, which the token does not have.",
            [{"scope": scope, "detail": "missing"}],
            {"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'},
        )


async def authenticate(request: Request) -> Caller:
    """Return the caller. Credentials have to be valid even when none are required."""
    settings: Settings = request.app.state.settings
    credentials = request.headers.getlist("authorization")
    if not credentials:
        return _anonymous(settings)
    throttle: Throttle = request.app.state.throttle
    client = request.client.host if request.client else ""
    if seconds := throttle.wait(client, time.monotonic()):
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too-many-attempts",
            "Too many failed attempts",
            f"Wait {seconds} seconds, and use a valid token.",
            headers={"Retry-After": str(seconds)},
        )
    caller = await _caller_of(request.app.state.database, credentials)
    if caller is None:
        throttle.note_failure(client, time.monotonic())
        raise unauthorized("The token is not valid.", 'error="invalid_token"')
    request.state.token_id = caller.token_id
    return caller


CurrentCaller = Annotated[Caller, Depends(authenticate)]


async def authorize(request: Request, caller: CurrentCaller) -> None:
    """Raise an error unless the caller has the scope that the route requires."""
    caller.check(required_scope(cast(APIRoute, request.scope["route"])))


@dataclass(frozen=True, slots=True)
class Guard:
    """A dependency that states the scope that a route requires, and checks it."""

    scope: Scope

    async def __call__(self, caller: CurrentCaller) -> Caller:
        """Return the caller; raise an error unless they have the scope."""
        caller.check(self.scope)
        return caller


def require(scope: Scope) -> Any:
    """Return the dependency of a route that requires a scope: `dependencies=[require("edit")]`."""
    return Depends(Guard(scope))


def required_scope(route: APIRoute) -> Scope:
    """Return the scope that a route requires.

    A route that does not state one requires `read` when it only reads, and otherwise `admin`.
    """
    scopes = [call.scope for call in _calls(route.dependant) if isinstance(call, Guard)]
    if scopes:
        return scopes[0]
    return "read" if _SAFE_METHODS.issuperset(route.methods or {"any"}) else "admin"


def unauthorized(detail: str, challenge: str) -> ProblemError:
    """Return the error that a valid token is required."""
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "A valid token is needed",
        detail,
        headers={"WWW-Authenticate": f"{_CHALLENGE}, {challenge}"},
    )


def _anonymous(settings: Settings) -> Caller:
    scopes: set[Scope] = set()
    if settings.anonymous_read:
        scopes.add("read")
    if settings.anonymous_metrics:
        scopes.add("metrics")
    return Caller(None, "anonymous", frozenset(scopes))


async def _caller_of(database: Database, credentials: list[str]) -> Caller | None:
    """Return the caller that the token belongs to, or None when it is malformed or not valid."""
    scheme, _, text = credentials[0].partition(" ")
    is_bearer = scheme.lower() == "bearer" and len(credentials) == 1
    parts = split_token(text.strip()) if is_bearer else None
    if parts is None:
        return None
    token_id, secret = parts
    stored = await database.tokens.find_one({"_id": token_id})
    now = datetime.now(UTC)
    if not is_secret_of(secret, stored) or stored is None or not is_valid(stored, now):
        return None
    await note_use(database, stored, now)
    return Caller(token_id, stored["name"], implied_scopes(stored["scopes"]))


def _calls(dependant: Dependant) -> Iterator[Any]:
    """Yield the functions and objects of all dependencies, direct and indirect."""
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)
