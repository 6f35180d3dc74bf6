"""The tokens that there are: make, list and revoke them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from models.database.client import Database
from models.token import Scope, TokenRecord, new_token

_SHOWN = {"secretHash": 0}


async def create_token(
    database: Database,
    name: str,
    scopes: Iterable[Scope],
    created_by: str,
    expires_at: datetime | None,
) -> tuple[TokenRecord, str]:
    """Store a new token; return its record, and the token itself, which cannot be had again."""
    record, text = new_token(name, scopes, created_by, datetime.now(UTC), expires_at)
    await database.tokens.insert(record.stored())
    return record, text


async def find_tokens(database: Database) -> list[dict[str, Any]]:
    """Return all tokens without their hashes, the latest first."""
    found = await database.tokens.find({}, _SHOWN, sort=[("createdAt", -1), ("_id", 1)])
    return [token_item(token) for token in found]


async def revoke_token(database: Database, token_id: str) -> bool:
    """Revoke a token for good; False when there is none of this id."""
    now = datetime.now(UTC)
    query = {"_id": token_id}
    if await database.tokens.update({**query, "revokedAt": None}, {"$set": {"revokedAt": now}}):
        return True
    return await database.tokens.find_one(query, {"_id": 1}) is not None


def token_item(stored: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of a stored token."""
    return {
        "id": stored["_id"],
        **{name: value for name, value in stored.items() if name not in ("_id", "secretHash")},
    }
