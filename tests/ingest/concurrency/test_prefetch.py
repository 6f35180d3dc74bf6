"""Items are made one ahead of their use, and no further."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from ingest.concurrency.prefetch import iterate_in_thread, prefetch_one, take_until


class Items:
    """Numbers, and how many of them have been made."""

    def __init__(self, count: int) -> None:
        self.made = 0
        self.second = threading.Event()
        self._count = count

    def __iter__(self) -> Iterator[int]:
        for number in range(1, self._count + 1):
            self.made = number
            if number == 2:
                self.second.set()
            yield number


async def test_all_items_come_in_their_order() -> None:
    assert [item async for item in prefetch_one(iterate_in_thread(iter(Items(3))))] == [1, 2, 3]
    assert [item async for item in iterate_in_thread(iter(Items(3)))] == [1, 2, 3]
    assert [item async for item in prefetch_one(iterate_in_thread(iter(Items(0))))] == []


async def test_one_item_is_made_while_the_last_is_used() -> None:
    items = Items(4)
    coming = prefetch_one(iterate_in_thread(iter(items)))
    assert await anext(coming) == 1
    assert await asyncio.to_thread(items.second.wait, 60)
    await coming.aclose()
    assert items.made == 2


async def test_nothing_is_made_before_it_is_asked_for_in_turn() -> None:
    items = Items(4)
    coming = iterate_in_thread(iter(items))
    assert await anext(coming) == 1
    assert items.made == 1
    await coming.aclose()


async def test_an_error_is_raised_where_the_item_would_be() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    coming = prefetch_one(iterate_in_thread(broken()))
    assert await anext(coming) == 1
    with pytest.raises(OSError, match="gone"):
        await anext(coming)


async def test_stop_is_asked_before_each_item() -> None:
    items = Items(9)
    assert [
        item async for item in take_until(lambda: items.made == 2, iterate_in_thread(iter(items)))
    ] == [1, 2]
    assert items.made == 2
    assert [
        item async for item in take_until(lambda: False, iterate_in_thread(iter(Items(2))))
    ] == [1, 2]
