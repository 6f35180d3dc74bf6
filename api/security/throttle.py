"""The throttle on failed attempts to authenticate, per client."""

import ipaddress
import math
from collections import OrderedDict, deque

MAX_FAILURES = 10
WINDOW_SECONDS = 10.0
_MAX_CLIENTS = 10_000
_NETWORK_BITS = 64  # the IPv6 network that one customer has


class Throttle:
    """A throttle that makes clients wait after too many failures; it does not affect others.

    It remembers only the clients that failed last, so that its memory is bounded. Times are in
    seconds of a monotonic clock.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, client: str, now: float) -> int:
        """Return the whole seconds that a client has to wait before its next attempt; usually 0."""
        failures = self._failures.get(_client_key(client))
        if failures is None or len(failures) < MAX_FAILURES:
            return 0
        return max(0, math.ceil(failures[0] + WINDOW_SECONDS - now))

    def note_failure(self, client: str, now: float) -> None:
        """Record that an attempt of a client has failed."""
        key = _client_key(client)
        failures = self._failures.setdefault(key, deque(maxlen=MAX_FAILURES))
        failures.append(now)
        self._failures.move_to_end(key)
        if len(self._failures) > _MAX_CLIENTS:
            self._failures.popitem(last=False)


def _client_key(client: str) -> str:
    """Return what failures are counted by: an IPv4 address, an IPv6 network, or the text itself."""
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
