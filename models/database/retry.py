"""Trying again where somebody else has written first."""

import asyncio
import itertools
import random
import time

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 1.0  # seconds


class Patience:
    """Allows one try after the other for some seconds, with pauses between them that grow.

    The pauses are random, so that writers who have met do not meet again.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._tries = itertools.count()

    async def lasts(self) -> bool:
        """Wait until it is time for a try, the first one at once; False when the time is over."""
        number = next(self._tries)
        if number:
            if time.monotonic() > self._until:
                return False
            longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(number, 10))
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311
        return True
