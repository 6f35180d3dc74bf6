"""What reading over REST costs: beside the bare driver, and as the database grows."""

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
from api.bench.list_queries import Question, questions
from api.bench.scratch_database import empty_database, temporary_place
from api.bench.synthetic_cases import fill
from api.cases.lists import CASE_LIST, EXECUTION_LIST
from api.http.responses import encode_json
from api.http.urls import API_PREFIX
from api.lists.listing import Listing
from api.lists.projection import select
from models.database.client import Database
from models.settings import Settings

GOAL = 1.2
"""What a page in the large database may cost, times what it costs in the small one."""

_PAGE = 50
_MOST = 4
"""So many times the rounds are measured before a page is told to cost more: others run as well."""

_TIMES = 20
_LISTS = (CASE_LIST, EXECUTION_LIST)


async def measure_rest(sizes: Sequence[int], jobs: int, rounds: int) -> dict[str, Any]:
    """Return the ratios of pages to the bare driver, of large to small, and the exports' memory.

    `jobs` processes fill the databases. The first size is the small one, the last the large one.
    Pages are asked of the application in this process, without a server in between; the best of the
    rounds counts.
    """
    with temporary_place() as (place_settings, _):
        settings = place_settings.model_copy(update={"database_timeout_seconds": 3600.0})
        async with AsyncExitStack() as stack:
            places = [await _place(stack, settings, size, jobs) for size in (sizes[0], sizes[-1])]
            return {
                "executions": [place.executions for place in places],
                "fillSeconds": [place.seconds for place in places],
                "pageToDriver": await _pages_to_driver(places[-1], rounds),
                "largeToSmall": await _large_to_small(places, rounds),
                "exports": [measure_exports(settings, place.database.name) for place in places],
            }


@dataclass(frozen=True, slots=True)
class _Place:
    """A database of so many executions, and the application on it."""

    executions: int
    database: Database
    app: FastAPI
    seconds: float


async def _place(stack: AsyncExitStack, settings: Settings, executions: int, jobs: int) -> _Place:
    database = await stack.enter_async_context(empty_database(settings, create=False))
    began = time.perf_counter()
    await fill(settings, database, executions, jobs)
    seconds = time.perf_counter() - began
    app = await stack.enter_async_context(application(settings, database))
    return _Place(executions, database, app, seconds)


async def _pages_to_driver(place: _Place, rounds: int) -> dict[str, Any]:
    """Return the throughput of pages, divided by that of the bare driver with JSON."""
    return {
        listing.table.resource: await _page_to_driver(place, listing, rounds) for listing in _LISTS
    }


async def _page_to_driver(place: _Place, listing: Listing, rounds: int) -> float:
    table = listing.table
    plan = await Question(listing).plan(place.database)
    projection = select(table, None).projection(path for path, _ in plan.order.keys)

    async def page() -> None:
        await get(place.app, f"{API_PREFIX}/{table.resource}", f"limit={_PAGE}")

    async def floor() -> None:
        found = await plan.finding.collection.find(
            plan.finding.query, projection, sort=plan.order.keys, limit=_PAGE + 1
        )
        encode_json(found[:_PAGE])

    pages, floors = [], []
    for _ in range(_MOST * rounds):
        pages.append(await _seconds_of_many(page))
        floors.append(await _seconds_of_many(floor))
    return min(floors) / min(pages)


async def _seconds_of_many(ask: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    for _ in range(_TIMES):
        await ask()
    return time.perf_counter() - began


async def _large_to_small(places: Sequence[_Place], rounds: int) -> dict[str, Any]:
    """Return the ratio for every question, the worst first, and what walks no index."""
    small = places[0].database
    found = []
    for listing in _LISTS:
        samples = await listing.collection(small).find({}, limit=500)
        samples = samples[len(samples) // 2 :] + samples
        found += [await _compare(one, places, rounds) for one in questions(listing, samples)]
    worst = sorted(found, key=lambda one: max(one["first"], one["deep"] or 0), reverse=True)
    above = [one for one in worst if max(one["first"], one["deep"] or 0) > GOAL]
    return {
        "questions": len(found),
        "above1.2": sum(not one["showsMore"] for one in above),
        "aboveBecauseMoreIsShown": sum(one["showsMore"] for one in above),
        "notIndexed": [one["question"] for one in found if not one.get("isIndexed")],
        "worst": worst[:20],
    }


async def _compare(question: Question, places: Sequence[_Place], rounds: int) -> dict[str, Any]:
    plans = [await question.plan(place.database) for place in places]
    middles = [await plan.middle() for plan in plans]
    deep: float | None = None
    try:
        first = await _ratio(question, places, [None, None], rounds)
        if all(middles):
            deep = await _ratio(question, places, middles, rounds)
        shown = [await _items(question, place) for place in places]
    except RefusedError as error:
        told = {"question": question.text, "showsMore": False, "refused": str(error)}
        return {**told, "first": math.inf, "deep": None}
    return {
        "question": question.text,
        "first": first,
        "deep": deep,
        "isIndexed": await plans[-1].is_indexed(_PAGE),
        "showsMore": shown[-1] > shown[0],
    }


async def _items(question: Question, place: _Place) -> int:
    """Return how many items the first page has: what few of a small database match is short."""
    return len(json.loads(await get(place.app, *_address(question, None)))["items"])


async def _ratio(
    question: Question, places: Sequence[_Place], cursors: Sequence[str | None], rounds: int
) -> float:
    """Return how much longer a page takes in the last place than in the first."""
    best = [math.inf for _ in places]
    for number in range(_MOST * rounds):
        for index, (place, cursor) in enumerate(zip(places, cursors, strict=True)):
            began = time.perf_counter()
            await get(place.app, *_address(question, cursor))
            best[index] = min(best[index], time.perf_counter() - began)
        if number + 1 >= rounds and best[-1] <= GOAL * best[0]:
            break
    return best[-1] / best[0]


def _address(question: Question, cursor: str | None) -> tuple[str, str]:
    parameters = [*question.filters, ("limit", str(_PAGE))]
    parameters += [("sort", question.sort)] if question.sort else []
    parameters += [("cursor", cursor)] if cursor else []
    return f"{API_PREFIX}/{question.listing.table.resource}", urlencode(parameters)
