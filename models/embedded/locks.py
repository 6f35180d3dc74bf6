"""Advisory file locks: the kernel releases them when the process that holds them ends."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """An flock(2), shared or exclusive, on a file that serves only as a lock."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire_shared(self) -> None:
        """Wait until nobody else holds the lock exclusively, and hold it shared."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def acquire_exclusive(self) -> None:
        """Wait until nobody else holds the lock, and hold it exclusively."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def try_acquire_exclusive(self) -> bool:
        """Acquire the lock exclusively and return True, or False when somebody else holds it.

        In that case, a shared lock that was held before may be lost.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Release the lock; it can be acquired again."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release the lock for good."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def is_held(path: Path) -> bool:
    """Return whether some process holds the lock on `path`."""
    if not path.exists():
        return False
    with FileLock(path) as lock:
        return not lock.try_acquire_exclusive()
