"""Opening the files of a tree where they were found, and nowhere else.

Whoever may write in a tree could replace a directory by a symbolic link after it was listed, so
that a service which may read more than they opened files elsewhere for them.
"""

import errno
import os
import stat
from pathlib import Path


class Place:
    """A directory or a file to import; symbolic links in its own path are resolved once."""

    def __init__(self, path: Path) -> None:
        self._given = os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links
        self._real = os.path.realpath(path)

    def real(self, path: str) -> str:
        """Return where something at or below the place lies, or beside it, without links."""
        below = path.removeprefix(self._given)
        is_below = below != path and (not below or below.startswith("/"))
        return self._real + below if is_below else os.path.realpath(path)


def open_in_place(real_path: str) -> int:
    """Open a file for reading by a path that had no links, and return its descriptor.

    Raise OSError when a part of the path has become a symbolic link. For directories above the
    file, only Linux tells.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(real_path, flags)
    if _is_at(descriptor, real_path):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.ELOOP, "it is no longer where it was found", real_path)


def open_file_in_place(real_path: str) -> int:
    """Open a regular file as `open_in_place` does; OSError for anything else."""
    descriptor = open_in_place(real_path)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file", real_path)


def _is_at(descriptor: int, real_path: str) -> bool:
    try:
        # Path.readlink() costs three times as much, for each file of an import.
        place = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        return place == os.path.normpath(real_path)
    except OSError:
        return True
