"""Pages of a list: opaque keyset cursors, so that a deep page costs what the first one does."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import Depends, Query, Request

from api.errors import bad_parameter

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


class Page:
    """Which page of a list is asked for: how many items, after which position."""

    def __init__(
        self,
        request: Request,
        limit: Annotated[
            int, Query(ge=1, le=MAX_LIMIT, description="The most items to return.")
        ] = DEFAULT_LIMIT,
        cursor: Annotated[
            str | None,
            Query(max_length=2000, description="Where to go on: `links.next` holds it."),
        ] = None,
    ) -> None:
        self.limit = limit
        self._cursor = cursor
        self._url = request.url

    def position(self, kind: str, size: int) -> list[str] | None:
        """Return the position after which the page begins: `size` texts, or None at the start.

        A cursor that is damaged, or comes from another `kind` of list, is a bad parameter.
        """
        if self._cursor is None:
            return None
        try:
            found = orjson.loads(base64.urlsafe_b64decode(self._cursor.encode()))
        except (ValueError, binascii.Error):
            found = None
        is_ours = (
            isinstance(found, list)
            and len(found) == size + 1
            and all(isinstance(part, str) for part in found)
            and found[0] == kind
        )
        if not is_ours:
            raise bad_parameter("cursor", "This cursor is not one that this list has given.")
        return list(found[1:])

    def envelope(
        self, items: list[dict[str, Any]], kind: str, following: Sequence[str] | None
    ) -> dict[str, Any]:
        """Return the document of the page; `following` is the position of its last item."""
        own = f"{self._url.path}?{self._url.query}" if self._url.query else self._url.path
        next_link = None
        if following is not None:
            cursor = base64.urlsafe_b64encode(orjson.dumps([kind, *following])).decode()
            url = self._url.include_query_params(cursor=cursor)
            next_link = f"{url.path}?{url.query}"
        return {"items": items, "links": {"self": own, "next": next_link}, "count": None}


PageQuery = Annotated[Page, Depends()]
