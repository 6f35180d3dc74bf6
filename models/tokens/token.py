"""Token: a bearer token of the REST API, of which only a hash is stored."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from models.base import Stored

Scope = Literal["read", "ingest", "edit", "admin", "metrics"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
NAME_PATTERN = r"^[^\x00-\x1f\x7f]+$"
MAX_NAME = 100

# Underscores separate the parts of a token, so that a token cannot be taken for a request id.
_TEXT = re.compile(r"cl_(?P<id>[0-9a-f]{16})_(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)
_ID_BYTES = 8
_SECRET_BYTES = 32
_NO_TOKEN_HASH = hashlib.sha256(b"").hexdigest()


class TokenRecord(Stored):
    """The contents of the record of a token.

    `id` is public; it is the second part of the token. `admin` implies every other scope. A token
    is valid until it expires or is revoked. `lastUsedAt` is accurate to the minute. `createdBy` is
    the id of the token that requested this one, or `command line`.
    """

    id: Annotated[str, Field(alias="_id")]
    secret_hash: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


def new_token(
    name: str, scopes: Iterable[Scope], created_by: str, now: datetime, expires_at: datetime | None
) -> tuple[TokenRecord, str]:
    """Return the record of a new token, and the token itself, which cannot be recovered later."""
    token_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    record = TokenRecord(
        id=token_id,
        secret_hash=_hash(secret),
        name=name,
        scopes=[scope for scope in SCOPES if scope in set(scopes)],
        created_at=now.replace(microsecond=now.microsecond // 1000 * 1000),  # as MongoDB does
        created_by=created_by,
        expires_at=expires_at,
    )
    return record, f"cl_{token_id}_{secret}"


def split_token(text: str) -> tuple[str, str] | None:
    """Return the public id and the secret of a token, or None when it is malformed."""
    match = _TEXT.fullmatch(text)
    return (match["id"], match["secret"]) if match else None


def is_secret_of(secret: str, stored: Mapping[str, Any] | None) -> bool:
    """Return whether a secret is that of a stored token, in the same time when there is none."""
    expected = _NO_TOKEN_HASH if stored is None else str(stored["secretHash"])
    is_equal = hmac.compare_digest(_hash(secret), expected)
    return is_equal and stored is not None


def is_valid(stored: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a stored token is neither revoked nor expired."""
    expires_at = stored["expiresAt"]
    return stored["revokedAt"] is None and (expires_at is None or now < expires_at)


def implied_scopes(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return the scopes together with those that they imply."""
    explicit = frozenset(scopes)
    return frozenset(SCOPES) if "admin" in explicit else explicit


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
