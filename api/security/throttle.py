"""Failed attempts to log in, counted by client."""

import ipaddress
import math
from collections import OrderedDict, deque

MOST_FAILURES = 10
WINDOW_SECONDS = 10.0
_MOST_CLIENTS = 10_000
_NETWORK_BITS = 64  # of IPv6: what one customer has


class Throttle:
    """Makes a client wait that fails too often; others do not notice.

    It knows the clients that failed last, so that its memory is bounded. Times are those of a
    monotonic clock, in seconds.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, client: str, now: float) -> int:
        """Return how many whole seconds a client has to wait until it may try again; mostly 0."""
        failures = self._failures.get(_client_key(client))
        if failures is None or len(failures) < MOST_FAILURES:
            return 0
        return max(0, math.ceil(failures[0] + WINDOW_SECONDS - now))

    def note_failure(self, client: str, now: float) -> None:
        """Note that an attempt of a client has failed."""
        key = _client_key(client)
        failures = self._failures.setdefault(key, deque(maxlen=MOST_FAILURES))
        failures.append(now)
        self._failures.move_to_end(key)
        if len(self._failures) > _MOST_CLIENTS:
            self._failures.popitem(last=False)


def _client_key(client: str) -> str:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if address.version == 4:
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    network = ipaddress.ip_network((int(address), _NETWORK_BITS), strict=False)
    return str(network)
