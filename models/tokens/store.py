"""Storage of tokens: create, list, revoke, and note their use."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from models.database.client import Database
from models.errors import DatabaseError
from models.tokens.token import Scope, TokenRecord, new_token

_WITHOUT_HASH = {"secretHash": 0}
_USE_INTERVAL = timedelta(minutes=1)


async def create_token(
    database: Database,
    name: str,
    scopes: Iterable[Scope],
    created_by: str,
    expires_at: datetime | None,
) -> tuple[TokenRecord, str]:
    """Store a new token; return its record and its text, of which only a hash is stored."""
    record, text = new_token(name, scopes, created_by, datetime.now(UTC), expires_at)
    await database.tokens.insert(record.stored())
    return record, text


async def find_tokens(database: Database) -> list[dict[str, Any]]:
    """Return all tokens without their hashes, the latest first."""
    tokens = await database.tokens.find({}, _WITHOUT_HASH, sort=[("createdAt", -1), ("_id", 1)])
    return [token_item(token) for token in tokens]


async def revoke_token(database: Database, token_id: str) -> bool:
    """Revoke a token permanently; return False when no token has this id."""
    now = datetime.now(UTC)
    query = {"_id": token_id}
    if await database.tokens.update({**query, "revokedAt": None}, {"$set": {"revokedAt": now}}):
        return True
    return await database.tokens.find_one(query, {"_id": 1}) is not None


def token_item(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a stored token in the form that is shown: without its hash."""
    return {
        "id": stored["_id"],
        **{name: value for name, value in stored.items() if name not in ("_id", "secretHash")},
    }


async def note_use(database: Database, stored: dict[str, Any], now: datetime) -> None:
    """Store when a token was used, at most once a minute; a database error is ignored."""
    last = stored["lastUsedAt"]
    if last is None or last <= now - _USE_INTERVAL:
        with suppress(DatabaseError):
            await database.tokens.update(
                {"_id": stored["_id"], "lastUsedAt": last}, {"$set": {"lastUsedAt": now}}
            )
