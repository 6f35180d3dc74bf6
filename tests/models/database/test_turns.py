"""Turns: one writer at a time for each document, in the order of arrival."""

import asyncio
from contextlib import suppress

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


@settings(max_examples=150)
@given(st.lists(ACTION, max_size=50))
def test_never_two_and_never_none_whatever_becomes_of_a_writer(
    actions: list[tuple[str, int, bool]],
) -> None:
    async def live() -> None:
        turns, writing = Turns(), {"x": 0, "y": 0}
        tasks: list[asyncio.Task[None]] = []
        ends: list[asyncio.Future[None]] = []

        async def write(document: str, ending: asyncio.Future[None], seconds: float) -> None:
            async with turns.turn(document, seconds):
                writing[document] += 1
                assert writing[document] == 1
                try:
                    await ending
                finally:
                    writing[document] -= 1

        for kind, which, is_first in actions:
            if kind in ("start", "late"):
                ends.append(asyncio.get_running_loop().create_future())
                seconds = 0.0 if kind == "late" else 60.0
                name = "x" if is_first else "y"
                tasks.append(asyncio.create_task(write(name, ends[-1], seconds)))
            elif tasks:
                number = which % len(tasks)
                if kind == "cancel":
                    tasks[number].cancel()
                elif not ends[number].done() and kind == "end":
                    ends[number].set_result(None)
                elif not ends[number].done():
                    ends[number].set_exception(RuntimeError())
            for _ in range(8 if is_first else 1):
                await asyncio.sleep(0)
        for end in ends:
            if not end.done():
                end.set_result(None)
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        assert not [each for each in results if isinstance(each, AssertionError)]
        assert turns._queues == {}
        for end in ends:
            with suppress(BaseException):
                end.exception()

    asyncio.run(live())
