"""Lists: one way to answer for all resources, as pages or as exports."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Query, Request, Response

from api.filters.conditions import Filter
from api.filters.config_search import find_config_matches
from api.filters.parse import is_filter, parse_filter
from api.http.errors import bad_parameter
from api.http.responses import json_response
from api.lists.exports import Format, chosen_format, export
from api.lists.lookups import NO_LOOKUPS, Lookups
from api.lists.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, read_cursor, write_cursor
from api.lists.projection import Selection, select
from api.lists.query import ListQueryPlan
from api.lists.sorting import Order, parse_order
from models.database.client import Database
from models.database.collection import Collection
from models.database.queries import and_query
from models.errors import DatabaseTimeoutError
from models.fields import FieldTable

Document = Mapping[str, Any]
Item = dict[str, Any]
Fitting = Callable[[Sequence[Document], Selection], int]
View = Callable[[Sequence[Document], Selection], Awaitable[list[Item]]]

SECONDS = 20.0
_COUNT_SECONDS = 5.0
_EXPORT_BATCH = 100


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What the parameters ask for that every list has."""

    limit: int
    cursor: str | None
    sort: str | None
    fields: str | None
    count: Literal["exact", "estimate"] | None
    format: Format | None


async def _list_query(
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="The most items of a page.")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(max_length=MAX_CURSOR, description="Where to go on: `links.next` holds it."),
    ] = None,
    sort: Annotated[
        str | None,
        Query(
            max_length=500,
            description="Fields to sort by, `-` before one for descending order. Null stands"
            " before everything else. Without it, the list is in its own order, or, when a range"
            " of a field is asked for, in the order of that field.",
            examples=["-machine"],
        ),
    ] = None,
    fields: Annotated[
        str | None,
        Query(
            max_length=4000,
            description="The fields to return, instead of all.",
            examples=["machine,user"],
        ),
    ] = None,
    count: Annotated[
        Literal["exact", "estimate"] | None,
        Query(
            description="Count all that match. `estimate` is quick where nothing is filtered."
            " A count that takes too long is null."
        ),
    ] = None,
    format: Annotated[
        Format | None,
        Query(
            description="`ndjson` and `csv` give the whole list as a stream; the header `Accept`"
            " can ask for them as well."
        ),
    ] = None,
) -> ListQuery:
    return ListQuery(limit, cursor, sort, fields, count, format)


ListParameters = Annotated[ListQuery, Depends(_list_query)]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of a resource: where it is, how its documents are shown, and what it is limited to.

    `scope` is a query for the paths in it, and `own_order` the sort of a list that is all of one
    thing, which has an index of its own. `fitting` tells how many of some documents, from the first
    one on, may be shown together: one at least. `lookups` are its lookup parameters.
    """

    table: FieldTable
    collection: Callable[[Database], Collection]
    view: Callable[[Database], View]
    scope: Mapping[str, Any] = field(default_factory=dict)
    own_order: Order | None = None
    fitting: Fitting = lambda documents, _selection: len(documents)
    lookups: Lookups = NO_LOOKUPS

    async def answer(
        self,
        database: Database,
        request: Request,
        asked: ListQuery,
        also: tuple[str, Mapping[str, Any]] = ("", {}),
    ) -> Response:
        """Return the page, or the whole list, that the parameters ask for.

        `also` is a query that has to hold as well, and what was asked for, which may find more
        while a client goes from page to page.
        """
        parameters = request.query_params.multi_items()
        tree = parse_filter(self.table, parameters)
        given = self.lookups.given_in(parameters)
        asked_for = sorted(item for item in parameters if is_filter(self.table, item[0])) + given
        looked_up = and_query(also[1], await self.lookups.find(database, given))
        asked_for += [("", also[0])] if also[0] else []
        return await self.answer_filter(database, request, asked, tree, asked_for, looked_up)

    async def answer_filter(
        self,
        database: Database,
        request: Request,
        asked: ListQuery,
        tree: Filter,
        source: Any,
        looked_up: Mapping[str, Any] | None = None,
    ) -> Response:
        """Return what a filter finds; `source` is what it, and `looked_up`, were read from."""
        order = self.own_order if asked.sort is None else None
        order = order or parse_order(self.table, asked.sort, tree)
        selection = select(self.table, asked.fields)
        matches = await find_config_matches(database, self.table, tree, self.scope)
        limits = and_query(self.scope, looked_up or {})
        finding = ListQueryPlan.of(self.collection(database), self.table, tree, matches, limits)
        found = _Found(self, database, finding, order, selection)
        format_ = chosen_format(request, asked.format)
        if format_ != "json":
            if asked.cursor is not None:
                raise bad_parameter("cursor", f"{format_} gives the whole list, from its start.")
            return await export(request, format_, selection, found.all())
        name = self.name(order, source)
        position = None
        if asked.cursor is not None:
            position = read_cursor(name, asked.cursor, len(order.keys))
        documents = await found.page(position, asked.limit + 1)
        shown = found.beginning(documents[: asked.limit])
        following = None
        if len(documents) > len(shown):
            following = write_cursor(name, order.position(shown[-1]))
        items = await found.items(shown)
        return page_response(request, items, following, await found.count(asked.count))

    def name(self, order: Order, source: Any) -> str:
        """Return what a cursor of the list is bound to: what it holds, and in which order."""
        return orjson.dumps([self.table.resource, self.scope, order.text, source]).decode()


@dataclass(frozen=True, slots=True)
class _Found:
    """What a query finds in a list, in an order."""

    listing: Listing
    database: Database
    finding: ListQueryPlan
    order: Order
    selection: Selection

    async def page(self, position: Sequence[Any] | None, limit: int) -> list[dict[str, Any]]:
        """Return the documents after a position, at most `limit`."""
        runs = [{}] if position is None else self.order.after(self.listing.table, position)
        projection = self.selection.projection(path for path, _ in self.order.keys)
        documents: list[dict[str, Any]] = []
        for run in runs:
            documents += await self.finding.some(
                run,
                projection,
                sort=self.order.keys,
                limit=limit - len(documents),
                seconds=SECONDS,
            )
            if len(documents) >= limit:
                break
        return documents

    def beginning(self, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of the documents, from the first one on, that are shown together."""
        return documents[: self.listing.fitting(documents, self.selection)]

    async def items(self, documents: Sequence[Document]) -> list[Item]:
        view = self.listing.view(self.database)
        whole = await view(documents, self.selection)
        return [self.selection.item(item) for item in whole]

    async def all(self) -> AsyncGenerator[Item, None]:
        """Give all items, shown batch by batch."""
        projection = self.selection.projection(path for path, _ in self.order.keys)
        documents = self.finding.all(projection, sort=self.order.keys)
        async with aclosing(documents):
            async for batch in _batches(documents):
                while batch:
                    shown = self.beginning(batch)
                    for item in await self.items(shown):
                        yield item
                    batch = batch[len(shown) :]

    async def count(self, how: str | None) -> int | None:
        """Return how many there are, None when that is not asked for or takes too long."""
        if how is None:
            return None
        if how == "estimate" and not self.finding.query:
            return await self.finding.collection.estimated_count()
        try:
            return await self.finding.count(_COUNT_SECONDS)
        except DatabaseTimeoutError:
            return None


async def _batches(
    documents: AsyncIterator[dict[str, Any]],
) -> AsyncGenerator[list[dict[str, Any]], None]:
    batch: list[dict[str, Any]] = []
    async for document in documents:
        batch.append(document)
        if len(batch) == _EXPORT_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def page_response(
    request: Request, items: list[Item], following: str | None, count: int | None = None
) -> Response:
    """Return one page of a list; `following` is the cursor of the next one."""
    url = request.url
    own = f"{url.path}?{url.query}" if url.query else url.path
    next_link = None
    headers = {"Vary": "Accept"}
    if following is not None:
        asked = [item for item in request.query_params.multi_items() if item[0] != "cursor"]
        next_link = f"{url.path}?{urlencode([*asked, ('cursor', following)])}"
        headers["Link"] = f'<{next_link}>; rel="next"'
    links = {"self": own, "next": next_link}
    return json_response({"items": items, "links": links, "count": count}, headers)
