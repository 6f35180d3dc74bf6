"""Tasks that end when they are cancelled, although the driver can lose a cancellation."""

import asyncio
from collections.abc import Iterable
from typing import Any

_PAUSE_SECONDS = 0.5


async def cancel_and_wait(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    """Cancel tasks, and wait until all have ended, however they end.

    Before Python 3.12, `asyncio.wait_for` loses a cancellation that comes just when its work is
    done, and the driver sends every message within one. A task may so run on; it is cancelled again
    until it ends.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_PAUSE_SECONDS)
