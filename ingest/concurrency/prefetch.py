"""Prefetching: compute the next item in the background while the caller uses the last one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


async def iterate_in_thread(items: Iterator[T]) -> AsyncGenerator[T, None]:
    """Yield the items of a slow iterator, computing each in a thread when it is requested.

    The items must not be None, which marks the end.
    """
    while (item := await asyncio.to_thread(next, items, None)) is not None:
        yield item


async def prefetch_one(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Yield items while computing the next one in the background.

    On close, wait for the pending item; when the caller is cancelled while it waits for an item,
    do not. The items must not be None, which marks the end.
    """
    pending = asyncio.create_task(_next(items))
    try:
        while (item := await pending) is not None:
            pending = asyncio.create_task(_next(items))
            yield item
    finally:
        await asyncio.gather(pending, return_exceptions=True)
        await items.aclose()


async def _next(items: AsyncGenerator[T, None]) -> T | None:
    return await anext(items, None)


async def take_until(stop: Callable[[], bool], items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Yield items until `stop()` is true; it is called before each item is requested."""
    while not stop():
        try:
            item = await anext(items)
        except StopAsyncIteration:
            return
        yield item
