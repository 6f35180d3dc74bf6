"""How much memory and time a worker process may use for one execution directory."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True, slots=True)
class Limits:
    """`seconds` of wall time for one execution directory, `memory_bytes` of address space."""

    seconds: float = 60.0
    memory_bytes: int = 4 * 2**30


class TookTooLongError(Exception):
    """An execution directory took longer than it may."""


def limit_memory(limits: Limits) -> None:
    """Limit this process's address space; exceeding it raises MemoryError."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    allowed = (
        limits.memory_bytes if hard == resource.RLIM_INFINITY else min(limits.memory_bytes, hard)
    )
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


@contextmanager
def limited_time(limits: Limits) -> Iterator[None]:
    """Raise TookTooLongError in the body when its time is over. In the main thread only.

    Code that never returns to Python, such as a library in an endless loop, is killed with its
    process when it has used twice the time.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLongError(f"it took more than {limits.seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    signal.setitimer(signal.ITIMER_PROF, 2 * limits.seconds)  # its signal ends the process
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGALRM, before)
