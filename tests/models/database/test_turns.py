"""Turns: one writer at a time for each document, in the order of arrival."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.database.turns import Turns
from models.errors import WriteConflictError


async def test_writers_of_one_document_come_in_the_order_of_their_arrival() -> None:
    turns, order = Turns(), list[int]()

    async def write(number: int) -> None:
        async with turns.turn("build x", 10):
            order.append(number)
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(write(number) for number in range(20)))
    assert order == [number for number in range(20) for _ in range(2)]


async def test_writers_of_other_documents_do_not_wait() -> None:
    turns = Turns()
    async with turns.turn("build x", 10), asyncio.timeout(1), turns.turn("build y", 0.001):
        pass


async def test_who_waits_too_long_is_told_and_takes_no_turn_with_it() -> None:
    turns = Turns()
    async with turns.turn("build x", 10):
        with pytest.raises(WriteConflictError, match="others keep writing it"):
            async with turns.turn("build x", 0.01):
                pytest.fail("it is not the turn of this one")
    async with turns.turn("build x", 0.01):
        pass


async def test_an_error_ends_a_turn() -> None:
    turns = Turns()
    with pytest.raises(RuntimeError):
        async with turns.turn("build x", 10):
            raise RuntimeError
    async with turns.turn("build x", 0.01):
        pass


async def test_being_cancelled_as_the_turn_comes_is_not_overheard() -> None:
    turns, has_turn = Turns(), list[bool]()

    async def write() -> None:
        async with turns.turn("build x", 10):
            has_turn.append(True)

    async with turns.turn("build x", 10):
        waiting = asyncio.create_task(write())
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert has_turn == []
    assert turns._queues == {}


ACTION = st.tuples(
    st.sampled_from(["start", "end", "fail", "cancel", "late"]), st.integers(0, 7), st.booleans()
)


class Writers:
    """Writers of two documents, which end when they are told to."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.writing = {"x": 0, "y": 0}
        self.tasks: list[asyncio.Task[None]] = []
        self.ends: list[asyncio.Future[bool]] = []

    def start(self, document: str, seconds: float) -> None:
        self.ends.append(asyncio.get_running_loop().create_future())
        self.tasks.append(asyncio.create_task(self.write(document, self.ends[-1], seconds)))

    async def write(self, document: str, ending: asyncio.Future[bool], seconds: float) -> None:
        async with self.turns.turn(document, seconds):
            self.writing[document] += 1
            assert self.writing[document] == 1
            try:
                if not await ending:
                    raise RuntimeError
            finally:
                self.writing[document] -= 1

    def happen(self, kind: str, which: int, document: str) -> None:
        if kind in ("start", "late"):
            self.start(document, 0.0 if kind == "late" else 60.0)
        elif self.tasks and kind == "cancel":
            self.tasks[which % len(self.tasks)].cancel()
        elif self.tasks:
            self.end(which % len(self.tasks), kind == "end")

    def end(self, number: int, is_well: bool) -> None:
        if not self.ends[number].done():
            self.ends[number].set_result(is_well)

    async def join(self) -> list[BaseException | None]:
        for number in range(len(self.ends)):
            self.end(number, is_well=True)
        return await asyncio.wait_for(asyncio.gather(*self.tasks, return_exceptions=True), 5)


@settings(max_examples=150)
@given(st.lists(ACTION, max_size=50))
def test_never_two_and_never_none_whatever_becomes_of_a_writer(
    actions: list[tuple[str, int, bool]],
) -> None:
    async def live() -> None:
        writers = Writers()
        for kind, which, is_first in actions:
            writers.happen(kind, which, "x" if is_first else "y")
            for _ in range(8 if is_first else 1):
                await asyncio.sleep(0)
        errors = await writers.join()
        assert not [error for error in errors if isinstance(error, AssertionError)]
        assert writers.turns._queues == {}

    asyncio.run(live())
