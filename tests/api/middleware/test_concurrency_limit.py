"""Places: never more than allowed, none lost and none doubled, whatever becomes of a request."""

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.middleware.concurrency_limit import ConcurrencyLimitMiddleware, Place, Waiting

LIMIT = 2
TICKS = 12  # steps of the loop after which everything that can go on has gone on

Message = MutableMapping[str, Any]

STEP = st.sampled_from(["receive", "send", "both", "work", "detach", "fail"])
EVENT = st.sampled_from(["start", "deliver", "read", "cancel", "continue", "disconnect"])


class Request:
    """A request whose application and client go on when they are told to."""

    def __init__(self, middleware: ConcurrencyLimitMiddleware, number: int) -> None:
        self.number = number
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.reads: asyncio.Queue[None] = asyncio.Queue()
        self.steps: asyncio.Queue[None] = asyncio.Queue()
        scope = {"type": "http", "method": "GET", "path": f"/{number}", "headers": []}
        self.task = asyncio.create_task(middleware(scope, self.inbox.get, self.send))

    async def send(self, _message: Message) -> None:
        await self.reads.get()


class World:
    """Requests of which the application does as their scripts say."""

    def __init__(self, scripts: list[list[str]]) -> None:
        self.scripts = scripts
        self.requests: list[Request] = []
        self.working: set[int] = set()
        self.idle: set[int] = set()
        self.detached: list[asyncio.Task[None]] = []
        self.middleware = ConcurrencyLimitMiddleware(self.app, LIMIT, [])

    def start(self) -> None:
        if len(self.requests) < len(self.scripts):
            self.requests.append(Request(self.middleware, len(self.requests)))

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        number = int(scope["path"][1:])
        self.working.add(number)
        try:
            for step in self.scripts[number]:
                await self.requests[number].steps.get()  # this is work: it needs the place
                await self.go(step, number, receive, send)
        finally:
            self.working.discard(number)

    async def go(self, step: str, number: int, receive: Any, send: Any) -> None:
        if step == "fail":
            raise RuntimeError("a mistake in the application")
        if step == "detach":  # a task that outlives the request, and seems to be its only work
            self.idle.add(number)
            self.detached.append(asyncio.create_task(receive()))
        if step not in ("receive", "send", "both"):
            return
        self.working.discard(number)
        if step == "receive":
            await receive()
        elif step == "send":
            await send({"type": "http.response.body"})
        else:
            async with asyncio.TaskGroup() as group:
                group.create_task(receive())
                group.create_task(send({"type": "http.response.body"}))
        self.working.add(number)

    def happen(self, event: str, which: int) -> None:
        if event == "start" or not self.requests:
            return self.start()
        request = self.requests[which % len(self.requests)]
        if event == "deliver":
            request.inbox.put_nowait({"type": "http.request", "body": b"x", "more_body": True})
        elif event == "disconnect":
            request.inbox.put_nowait({"type": "http.disconnect"})
        elif event == "read":
            request.reads.put_nowait(None)
        elif event == "continue":
            request.steps.put_nowait(None)
        else:
            request.task.cancel()
        return None

    async def settle(self) -> None:
        for _ in range(TICKS):
            await asyncio.sleep(0)

    async def end(self) -> None:
        tasks = [*self.detached, *(request.task for request in self.requests)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def free_places(middleware: ConcurrencyLimitMiddleware) -> int:
    return middleware._places._value


@settings(max_examples=500)
@given(
    scripts=st.lists(st.lists(STEP, max_size=6), min_size=1, max_size=5),
    events=st.lists(st.tuples(EVENT, st.integers(0, 4)), max_size=60),
)
def test_no_place_is_lost_or_doubled_whatever_happens(
    scripts: list[list[str]], events: list[tuple[str, int]]
) -> None:
    async def live() -> None:
        world = World(scripts)
        for event, which in events:
            world.happen(event, which)
            await world.settle()
            assert len(world.working - world.idle) <= LIMIT
        await world.end()
        assert free_places(world.middleware) == LIMIT
        assert world.middleware._waiting.number == 0

    asyncio.run(live())


async def test_a_body_that_ends_while_the_answer_is_sent_takes_no_second_place() -> None:
    """As an export does: it waits for a disconnect while it sends."""
    world = World([["both"]])
    world.start()
    await world.settle()
    for event in ("continue", "read", "deliver"):
        world.happen(event, 0)
        await world.settle()
    await world.requests[0].task
    assert free_places(world.middleware) == LIMIT


@pytest.mark.parametrize("step", ["receive", "send"])
async def test_who_waits_for_a_client_leaves_the_place_to_others(step: str) -> None:
    world = World([[step]] * 6)
    for number in range(6):
        world.start()
        await world.settle()
        world.happen("continue", number)
        await world.settle()
    assert free_places(world.middleware) == LIMIT
    for number, request in enumerate(world.requests):
        assert not request.task.done()
        world.happen("disconnect", number)
        world.happen("read", number)
    await asyncio.gather(*(request.task for request in world.requests))
    assert free_places(world.middleware) == LIMIT


async def test_of_those_who_wait_for_clients_there_is_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.middleware.concurrency_limit._WAITING_FACTOR", 2)
    world = World([["receive"]] * (2 * LIMIT + 1))
    for number in range(2 * LIMIT):
        world.start()
        await world.settle()
        world.happen("continue", number)
        await world.settle()
    statuses: list[int] = []

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    length = [(b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "path": "/9", "headers": length, "state": {}}
    await world.middleware(scope, asyncio.Queue[Message]().get, send)
    assert statuses == [503]
    await world.end()


async def test_a_place_that_was_given_up_is_not_taken_again() -> None:
    places = asyncio.Semaphore(1)
    place = Place(places, Waiting())
    await place.take()
    other = Place(places, Waiting())
    waiting = asyncio.create_task(other.take())
    await asyncio.sleep(0)
    other.give_up()
    place.give_up()
    await waiting
    assert not places.locked()


async def test_taking_a_place_again_can_be_cancelled() -> None:
    places, waiting = asyncio.Semaphore(1), Waiting()
    place, other = Place(places, waiting), Place(places, waiting)
    await place.take()
    came_back = asyncio.Event()

    async def wait_for_client() -> None:
        async with place.left_to_receive():
            await came_back.wait()

    task = asyncio.create_task(wait_for_client())
    await asyncio.sleep(0)
    await other.take()
    came_back.set()
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    place.give_up()
    other.give_up()
    assert places._value == 1
    assert waiting.number == 0
