"""Working ahead: the next item is made while the last one is being used."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


async def iterate_in_thread(items: Iterator[T]) -> AsyncGenerator[T, None]:
    """Give items that take time to make, each made in a thread when it is asked for."""
    while (item := await asyncio.to_thread(next, items, None)) is not None:
        yield item


async def prefetch_one(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Give items, and let the next one be made while the last is being used.

    When no more are asked for, the one that is being made is waited for, but not when whoever
    waits for an item is cancelled.
    """
    coming = asyncio.create_task(_next(items))
    try:
        while (item := await coming) is not None:
            coming = asyncio.create_task(_next(items))
            yield item
    finally:
        await asyncio.gather(coming, return_exceptions=True)
        await items.aclose()


async def _next(items: AsyncGenerator[T, None]) -> T | None:
    return await anext(items, None)


async def take_until(stop: Callable[[], bool], items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Give items until `stop` tells so, which is asked before each is."""
    while not stop():
        try:
            item = await anext(items)
        except StopAsyncIteration:
            return
        yield item
