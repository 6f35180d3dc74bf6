"""`caseledger token`: create, list and revoke the bearer tokens of the REST API."""

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from models.connection import open_database
from models.errors import UsageError
from models.settings import Settings
from models.tokens.store import create_token, find_tokens, revoke_token, token_item
from models.tokens.token import MAX_NAME, NAME_PATTERN, SCOPES, Scope, TokenRecord

_CREATOR = "command line"
_TIMES = {
    "createdAt": "created",
    "expiresAt": "expires",
    "lastUsedAt": "last used",
    "revokedAt": "revoked",
}


def print_new_token(
    settings: Settings, name: str, scopes: Sequence[str], days: float | None, *, as_json: bool
) -> None:
    """Create a token and print it, alone on stdout so that a script can store it."""
    if len(name) > MAX_NAME or not re.search(NAME_PATTERN, name):
        raise UsageError(f"a name has 1 to {MAX_NAME} characters, and no control characters")
    known = [_scope(scope) for scope in scopes]
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    record, text = asyncio.run(_create(settings, name, known, expires_at))
    if as_json:
        shown = {**token_item(record.stored()), "token": text}
        typer.echo(json.dumps(shown, indent=2, default=_json_value))
        return
    typer.echo(text)
    typer.echo(f"This is token {record.id}; it is never shown again.", err=True)


def print_tokens(settings: Settings, *, as_json: bool) -> None:
    """Print all tokens, the latest first."""
    found = asyncio.run(_find(settings))
    if as_json:
        typer.echo(json.dumps(found, indent=2, default=_json_value))
        return
    table = Table()
    table.add_column("id", no_wrap=True)
    for column in ("name", "scopes", *_TIMES.values()):
        table.add_column(column, overflow="fold")
    for item in found:
        times = [_shown(item[name]) for name in _TIMES]
        table.add_row(item["id"], item["name"], " ".join(item["scopes"]), *times)
    Console().print(table)


def revoke(settings: Settings, token_id: str) -> None:
    """Revoke a token; UsageError when there is none of this id."""
    if not asyncio.run(_revoke(settings, token_id)):
        raise UsageError(f"{token_id[:100]}: there is no such token")
    typer.echo(f"revoked {token_id}")


def _scope(text: str) -> Scope:
    for scope in SCOPES:
        if scope == text:
            return scope
    raise UsageError(f"{text[:100]!r} is no scope; the scopes are {', '.join(SCOPES)}")


def _json_value(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _shown(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%d %H:%M}"


async def _create(
    settings: Settings, name: str, scopes: Sequence[Scope], expires_at: datetime | None
) -> tuple[TokenRecord, str]:
    async with open_database(settings) as database:
        return await create_token(database, name, scopes, _CREATOR, expires_at)


async def _find(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings) as database:
        return await find_tokens(database)


async def _revoke(settings: Settings, token_id: str) -> bool:
    async with open_database(settings) as database:
        return await revoke_token(database, token_id)
