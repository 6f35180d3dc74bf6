"""The cost of reading over REST: as a ratio to the bare driver, and as the database grows."""

import json
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI

from api.bench.asgi_client import RefusedError, application, get
from api.bench.exports import measure_exports
from api.bench.list_queries import ListRequest, list_requests
from api.bench.scratch_database import empty_database, temporary_server
from api.bench.synthetic_cases import fill
from api.cases.lists import CASE_LIST, EXECUTION_LIST
from api.http.responses import encode_json
from api.http.urls import API_PREFIX
from api.lists.listing import Listing
from api.lists.projection import select
from models.database.client import Database
from models.settings import Settings

GOAL = 1.2
"""The most that a page of the large database may cost, as a multiple of the small one's."""

_PAGE_SIZE = 50
_MAX_REPEATS = 4
"""A page above the goal is measured in up to this many times the rounds: noise can explain it."""

_REQUESTS_OF_SAMPLE = 20
_LISTS = (CASE_LIST, EXECUTION_LIST)


async def measure_rest(sizes: Sequence[int], jobs: int, rounds: int) -> dict[str, Any]:
    """Return the ratios of pages to the bare driver and of large to small, and export memory.

    The databases have the first and the last number of executions in `sizes`, and are filled by
    `jobs` processes. The application runs in this process, without a server. The fastest round
    counts.
    """
    with temporary_server() as (server_settings, _):
        settings = server_settings.model_copy(update={"database_timeout_seconds": 3600.0})
        async with AsyncExitStack() as stack:
            small, large = [
                await _fill_instance(stack, settings, size, jobs) for size in (sizes[0], sizes[-1])
            ]
            instances = [small, large]
            return {
                "executions": [instance.executions for instance in instances],
                "fillSeconds": [instance.fill_seconds for instance in instances],
                "pageToDriver": await _pages_to_driver(large, rounds),
                "largeToSmall": await _large_to_small(instances, rounds),
                "exports": [
                    measure_exports(settings, instance.database.name) for instance in instances
                ],
            }


@dataclass(frozen=True, slots=True)
class _Instance:
    """A filled database, and the application on it."""

    executions: int
    database: Database
    app: FastAPI
    fill_seconds: float


async def _fill_instance(
    stack: AsyncExitStack, settings: Settings, executions: int, jobs: int
) -> _Instance:
    database = await stack.enter_async_context(empty_database(settings, create=False))
    began = time.perf_counter()
    await fill(settings, database, executions, jobs)
    seconds = time.perf_counter() - began
    app = await stack.enter_async_context(application(settings, database))
    return _Instance(executions, database, app, seconds)


async def _pages_to_driver(instance: _Instance, rounds: int) -> dict[str, Any]:
    """Return for each list the throughput of pages, divided by that of the bare driver."""
    return {
        listing.table.resource: await _page_to_driver(instance, listing, rounds)
        for listing in _LISTS
    }


async def _page_to_driver(instance: _Instance, listing: Listing, rounds: int) -> float:
    table = listing.table
    plan = await ListRequest(listing).plan(instance.database)
    projection = select(table, None).projection(path for path, _ in plan.order.keys)

    async def page() -> None:
        await get(instance.app, f"{API_PREFIX}/{table.resource}", f"limit={_PAGE_SIZE}")

    async def floor() -> None:
        """Find the same documents with the driver, and encode them as JSON."""
        documents = await plan.query_plan.collection.find(
            plan.query_plan.query, projection, sort=plan.order.keys, limit=_PAGE_SIZE + 1
        )
        encode_json(documents[:_PAGE_SIZE])

    pages, floors = [], []
    for _ in range(_MAX_REPEATS * rounds):
        pages.append(await _sample_seconds(page))
        floors.append(await _sample_seconds(floor))
    return min(floors) / min(pages)


async def _sample_seconds(call: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    for _ in range(_REQUESTS_OF_SAMPLE):
        await call()
    return time.perf_counter() - began


async def _large_to_small(instances: Sequence[_Instance], rounds: int) -> dict[str, Any]:
    """Return the 20 requests with the worst ratios, and a summary of the ratios of all."""
    small = instances[0].database
    figures = []
    for listing in _LISTS:
        samples = await listing.collection(small).find({}, limit=500)
        samples = samples[len(samples) // 2 :] + samples
        figures += [
            await _compare(request, instances, rounds)
            for request in list_requests(listing, samples)
        ]
    worst = sorted(figures, key=_worse_ratio, reverse=True)
    above = [figure for figure in worst if _worse_ratio(figure) > GOAL]
    return {
        "questions": len(figures),
        "above1.2": sum(not figure["showsMore"] for figure in above),
        "aboveBecauseMoreIsShown": sum(figure["showsMore"] for figure in above),
        "notIndexed": [figure["question"] for figure in figures if not figure.get("isIndexed")],
        "worst": worst[:20],
    }


def _worse_ratio(figure: dict[str, Any]) -> float:
    return float(max(figure["first"], figure["deep"] or 0))


async def _compare(
    request: ListRequest, instances: Sequence[_Instance], rounds: int
) -> dict[str, Any]:
    """Return the ratios of one request, for the first page and for one in the middle."""
    plans = [await request.plan(instance.database) for instance in instances]
    middles = [await plan.middle() for plan in plans]
    deep: float | None = None
    try:
        first = await _ratio(request, instances, [None, None], rounds)
        if all(middles):
            deep = await _ratio(request, instances, middles, rounds)
        shown = [await _item_count(request, instance) for instance in instances]
    except RefusedError as error:
        refusal = {"question": request.text, "showsMore": False, "refused": str(error)}
        return {**refusal, "first": math.inf, "deep": None}
    return {
        "question": request.text,
        "first": first,
        "deep": deep,
        "isIndexed": await plans[-1].is_indexed(_PAGE_SIZE),
        "showsMore": shown[-1] > shown[0],
    }


async def _item_count(request: ListRequest, instance: _Instance) -> int:
    """Return the number of items of the first page.

    It is less than a page when few executions of a small database match.
    """
    return len(json.loads(await get(instance.app, *_address(request, None)))["items"])


async def _ratio(
    request: ListRequest,
    instances: Sequence[_Instance],
    cursors: Sequence[str | None],
    rounds: int,
) -> float:
    """Return the time of a page in the last instance divided by that in the first."""
    best = [math.inf for _ in instances]
    for number in range(_MAX_REPEATS * rounds):
        for index, (instance, cursor) in enumerate(zip(instances, cursors, strict=True)):
            began = time.perf_counter()
            await get(instance.app, *_address(request, cursor))
            best[index] = min(best[index], time.perf_counter() - began)
        if number + 1 >= rounds and best[-1] <= GOAL * best[0]:
            break
    return best[-1] / best[0]


def _address(request: ListRequest, cursor: str | None) -> tuple[str, str]:
    """Return path and query string of a page."""
    parameters = [*request.filters, ("limit", str(_PAGE_SIZE))]
    parameters += [("sort", request.sort)] if request.sort else []
    parameters += [("cursor", cursor)] if cursor else []
    return f"{API_PREFIX}/{request.listing.table.resource}", urlencode(parameters)
