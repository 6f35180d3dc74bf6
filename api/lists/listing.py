"""Lists: the answer to a request for the list of any resource, as a page or as an export."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Query, Request, Response

from api.filters.conditions import Filter
from api.filters.config_search import find_config_matches
from api.filters.machines import check_machines
from api.filters.parse import is_filter, parse_filter
from api.http.errors import bad_parameter
from api.http.responses import json_response
from api.lists.exports import Format, choose_format, export
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
PageSize = Callable[[Sequence[Document], Selection], int]
"""Returns how many of the documents, from the first one on, one page may show: at least one."""

View = Callable[[Sequence[Document], Selection], Awaitable[list[Item]]]
"""Returns the items that show the documents, in the same order."""

SECONDS = 20.0
_COUNT_SECONDS = 5.0
_EXPORT_BATCH = 100


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The values of the parameters that every list has."""

    limit: int
    cursor: str | None
    sort: str | None
    fields: str | None
    count: Literal["exact", "estimate"] | None
    format: Format | None


async def _list_query(
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="The maximum number of items in a page.")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(
            max_length=MAX_CURSOR,
            description="The position to continue from; `links.next` contains it.",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        Query(
            max_length=500,
            description="Fields to sort by, with `-` before a field for descending order. Null is"
            " less than everything else. By default the list has its own order, or, when it is"
            " filtered by a range of a field, the order of that field.",
            examples=["-machine"],
        ),
    ] = None,
    fields: Annotated[
        str | None,
        Query(
            max_length=4000,
            description="The fields to return; by default all.",
            examples=["machine,user"],
        ),
    ] = None,
    count: Annotated[
        Literal["exact", "estimate"] | None,
        Query(
            description="Count all items that match. `estimate` is fast for a list without"
            " filters. A count that takes too long is null."
        ),
    ] = None,
    format: Annotated[
        Format | None,
        Query(
            description="`ndjson` and `csv` return the whole list as a stream. The header"
            " `Accept` can select them as well."
        ),
    ] = None,
) -> ListQuery:
    return ListQuery(limit, cursor, sort, fields, count, format)


ListParameters = Annotated[ListQuery, Depends(_list_query)]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of a resource: its collection, how it shows documents, and what it is limited to.

    `scope` is a query that all documents of the list match; it maps stored paths to values.
    `default_order` is the order for requests without `sort`, for which the list has an index of its
    own; when it is None, `parse_order` chooses one. `lookups` are the lookup parameters.
    """

    table: FieldTable
    collection: Callable[[Database], Collection]
    view: Callable[[Database], View]
    scope: Mapping[str, Any] = field(default_factory=dict)
    default_order: Order | None = None
    page_size_of: PageSize = lambda documents, _selection: len(documents)
    lookups: Lookups = NO_LOOKUPS

    async def answer(
        self,
        database: Database,
        request: Request,
        params: ListQuery,
        extra_filter: tuple[str, Mapping[str, Any]] = ("", {}),
    ) -> Response:
        """Return the page, or the whole list, that the parameters of the request select.

        `extra_filter` is a query that has to match as well, after the text that it was found for.
        Cursors are bound to the text, not to the query: the query may match more documents when
        the client requests the next page.
        """
        parameters = request.query_params.multi_items()
        tree = parse_filter(self.table, parameters)
        lookup_parameters = self.lookups.parameters_in(parameters)
        source = sorted(item for item in parameters if is_filter(self.table, item[0]))
        source += lookup_parameters
        extra_text, extra_query = extra_filter
        if extra_text:
            source.append(("", extra_text))
        looked_up = and_query(extra_query, await self.lookups.find(database, lookup_parameters))
        return await self.answer_filter(database, request, params, tree, source, looked_up)

    async def answer_filter(
        self,
        database: Database,
        request: Request,
        params: ListQuery,
        tree: Filter,
        source: Any,
        looked_up: Mapping[str, Any] | None = None,
    ) -> Response:
        """Return the page, or the whole list, that a filter and the query `looked_up` find.

        `source` is what the two were read from, as JSON values: cursors are bound to it.
        """
        await check_machines(database, tree)
        order = self.default_order if params.sort is None else None
        order = order or parse_order(self.table, params.sort, tree)
        selection = select(self.table, params.fields)
        matches = await find_config_matches(database, self.table, tree, self.scope)
        limits = and_query(self.scope, looked_up or {})
        plan = ListQueryPlan.of(self.collection(database), self.table, tree, matches, limits)
        results = _ListResults(self, database, plan, order, selection)
        format_ = choose_format(request, params.format)
        if format_ != "json":
            if params.cursor is not None:
                raise bad_parameter("cursor", f"{format_} returns the whole list, from its start.")
            return await export(request, format_, selection, results.all())
        list_key = self.list_key(order, source)
        position = None
        if params.cursor is not None:
            position = read_cursor(list_key, params.cursor, len(order.keys))
        documents = await results.page(position, params.limit + 1)
        shown = results.fitting_prefix(documents[: params.limit])
        next_cursor = None
        if len(documents) > len(shown):
            next_cursor = write_cursor(list_key, order.position(shown[-1]))
        items = await results.items(shown)
        return page_response(request, items, next_cursor, await results.count(params.count))

    def list_key(self, order: Order, source: Any) -> str:
        """Return what a cursor of the list is bound to: the filter of the list, and its order."""
        return orjson.dumps([self.table.resource, self.scope, order.text, source]).decode()


@dataclass(frozen=True, slots=True)
class _ListResults:
    """What a query finds for a list, in an order."""

    listing: Listing
    database: Database
    plan: ListQueryPlan
    order: Order
    selection: Selection

    async def page(self, position: Sequence[Any] | None, limit: int) -> list[dict[str, Any]]:
        """Return the documents after a position, or the first ones; at most `limit`."""
        runs = [{}] if position is None else self.order.after(self.listing.table, position)
        projection = self.selection.projection(path for path, _ in self.order.keys)
        documents: list[dict[str, Any]] = []
        for run in runs:
            documents += await self.plan.page(
                run,
                projection,
                sort=self.order.keys,
                limit=limit - len(documents),
                seconds=SECONDS,
            )
            if len(documents) >= limit:
                break
        return documents

    def fitting_prefix(self, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the first of the documents, as many as one page may show."""
        return documents[: self.listing.page_size_of(documents, self.selection)]

    async def items(self, documents: Sequence[Document]) -> list[Item]:
        view = self.listing.view(self.database)
        whole = await view(documents, self.selection)
        return [self.selection.item(item) for item in whole]

    async def all(self) -> AsyncGenerator[Item, None]:
        """Yield all items; the documents are shown in batches."""
        projection = self.selection.projection(path for path, _ in self.order.keys)
        documents = self.plan.all(projection, sort=self.order.keys)
        async with aclosing(documents):
            async for batch in _batches(documents):
                while batch:
                    shown = self.fitting_prefix(batch)
                    for item in await self.items(shown):
                        yield item
                    batch = batch[len(shown) :]

    async def count(self, how: str | None) -> int | None:
        """Return the number of documents; None when `how` is None or counting takes too long."""
        if how is None:
            return None
        if how == "estimate" and not self.plan.query:
            return await self.plan.collection.estimated_count()
        try:
            return await self.plan.count(_COUNT_SECONDS)
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
    request: Request, items: list[Item], next_cursor: str | None, count: int | None = None
) -> Response:
    """Return one page of a list, with links to itself and, unless it is the last, the next one."""
    url = request.url
    self_link = f"{url.path}?{url.query}" if url.query else url.path
    next_link = None
    headers = {"Vary": "Accept"}
    if next_cursor is not None:
        parameters = [item for item in request.query_params.multi_items() if item[0] != "cursor"]
        next_link = f"{url.path}?{urlencode([*parameters, ('cursor', next_cursor)])}"
        headers["Link"] = f'<{next_link}>; rel="next"'
    links = {"self": self_link, "next": next_link}
    return json_response({"items": items, "links": links, "count": count}, headers)
