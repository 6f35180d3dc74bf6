"""Retries of writes that lost a race against another writer."""

import asyncio
import itertools
import random
import time

IMPORT_RETRY_SECONDS = 90.0
"""Longer than MongoDB locks the documents of a client that was killed while it wrote them."""

REQUEST_RETRY_SECONDS = 30.0
"""As long as a person waits for an answer."""

_MIN_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.01, 1.0


class Backoff:
    """Exponential backoff with jitter: attempts for some seconds, with growing random pauses.

    The pauses are random so that writers which collided once do not collide again.
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._attempts = itertools.count()

    async def wait(self) -> bool:
        """Wait until the next attempt, the first one at once; return False after the deadline."""
        attempt = next(self._attempts)
        if attempt:
            if time.monotonic() > self._deadline:
                return False
            pause = min(_MAX_PAUSE_SECONDS, _MIN_PAUSE_SECONDS * 2 ** min(attempt, 10))
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311
        return True
