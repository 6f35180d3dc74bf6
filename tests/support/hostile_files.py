"""Files whose reading harms the worker that reads them."""

import time
from contextlib import suppress

from ingest.concurrency.limits import TookTooLongError


class Slow(dict[str, bytes]):
    """Files whose reading, in a worker, takes very long."""

    def __contains__(self, _path: object) -> bool:
        time.sleep(60)
        return True


class Stuck(Slow):
    """Files in whose reading a library is stuck, which no exception gets out of."""

    def __contains__(self, _path: object) -> bool:
        while True:
            with suppress(TookTooLongError):
                sum(range(10**6))


class Greedy(Slow):
    """Files that want more memory than there is."""

    def __contains__(self, _path: object) -> bool:
        return bool(bytes(2**33))
