"""What the driver reports of its commands and connections."""

from collections.abc import Sequence
from typing import Any, Protocol

from pymongo import monitoring


class Observer(Protocol):
    """A receiver of the driver's events; called from any thread, so it has to be quick."""

    def command_ended(self, command: str, seconds: float, *, failed: bool) -> None:
        """A command has ended, after this many seconds."""

    def connection_waited(self, seconds: float, *, failed: bool) -> None:
        """A command has waited for a connection of the pool, and got one unless `failed`."""

    def connections_changed(self, opened: int, used: int) -> None:
        """The numbers of open and of used connections have changed by this much."""


def listeners_for(observer: Observer) -> Sequence[monitoring._EventListener]:
    """Return the listeners of the driver that inform `observer`."""
    return [_Commands(observer), _Connections(observer)]


class _Commands(monitoring.CommandListener):
    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Do nothing: the event at the end has the duration."""

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        seconds = event.duration_micros / 1e6
        self._observer.command_ended(event.command_name, seconds, failed=False)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        seconds = event.duration_micros / 1e6
        self._observer.command_ended(event.command_name, seconds, failed=True)


class _Connections(monitoring.ConnectionPoolListener):
    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def connection_created(self, _event: monitoring.ConnectionCreatedEvent) -> None:
        self._observer.connections_changed(1, 0)

    def connection_closed(self, _event: monitoring.ConnectionClosedEvent) -> None:
        self._observer.connections_changed(-1, 0)

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        self._observer.connection_waited(event.duration or 0.0, failed=False)
        self._observer.connections_changed(0, 1)

    def connection_checked_in(self, _event: monitoring.ConnectionCheckedInEvent) -> None:
        self._observer.connections_changed(0, -1)

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:
        self._observer.connection_waited(event.duration or 0.0, failed=True)

    def _ignore(self, event: Any) -> None:
        """Do nothing: the driver calls every method of a listener."""

    connection_check_out_started = connection_ready = _ignore
    pool_created = pool_ready = pool_cleared = pool_closed = _ignore
