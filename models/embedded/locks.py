"""Advisory file locks that end with the process that holds them, however it ends."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """An flock(2) on a file of its own; shared or exclusive, released by closing."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take_shared(self) -> None:
        """Wait for a place among the holders; a holder of an exclusive lock is waited for."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def take_exclusive(self) -> None:
        """Wait until nobody else holds the lock in either way."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def try_exclusive(self) -> bool:
        """Take the lock for oneself if nobody else holds it; a shared one may be lost if not."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Give the lock up, ready to take it again."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the lock up for good."""
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
    """Tell whether some process holds the lock on `path`."""
    if not path.exists():
        return False
    with FileLock(path) as lock:
        return not lock.try_exclusive()
