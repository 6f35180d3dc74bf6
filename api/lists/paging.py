"""Cursors: opaque positions in a list, so that a deep page costs no more than the first one.

A cursor contains a digest of the filter and the order of its list; other lists refuse it.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from api.filters.conditions import Scalar
from api.http.errors import ProblemError, bad_parameter

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_CURSOR = 4000


def write_cursor(list_key: str, position: Sequence[Scalar]) -> str:
    """Return the cursor of a position in a list; `list_key` identifies its filter and order."""
    values = [_encode_value(value) for value in position]
    content = orjson.dumps([_digest(list_key, values), *values])
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def read_cursor(list_key: str, cursor: str, size: int) -> list[Scalar]:
    """Return the position of a cursor, which has `size` values.

    Raise a 400 when the list with this `list_key` did not issue the cursor.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _refused() from None
    if not isinstance(content, list) or len(content) != size + 1:
        raise _refused()
    digest, *values = content
    if digest != _digest(list_key, values):
        raise _refused()
    return [_decode_value(value) for value in values]


def _digest(list_key: str, values: Sequence[Any]) -> str:
    content = orjson.dumps([list_key, *values])
    return hashlib.blake2b(content, digest_size=9, person=b"caseledger").hexdigest()


def _encode_value(value: Scalar) -> Any:
    if isinstance(value, datetime):
        return {"at": value.astimezone(UTC).isoformat()}
    return value


def _decode_value(value: Any) -> Scalar:
    """Return a value; a 400 when `write_cursor` cannot have written it: the cursor is forged."""
    if isinstance(value, dict):
        try:
            (text,) = value.values()
            return datetime.fromisoformat(text)
        except (ValueError, TypeError):
            raise _refused() from None
    if not isinstance(value, str | int | float | bool | None):
        raise _refused()
    return value


def _refused() -> ProblemError:
    return bad_parameter("cursor", "This list did not issue this cursor.")
