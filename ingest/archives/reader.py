"""What it is to go through an archive: one member after the other, from its beginning."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn


class ArchiveError(Exception):
    """An archive cannot be gone through any further.

    `is_trusted` tells whether what came before counts: it does not when a checksum over all of it
    is wrong.
    """

    def __init__(self, reason: str, detail: str, *, is_trusted: bool = True) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.is_trusted = is_trusted


def damaged(detail: str) -> NoReturn:
    """Raise that the archive is damaged here."""
    raise ArchiveError("damaged_archive", detail)


def exceeded(what: str, setting: str) -> NoReturn:
    """Raise that a budget is exceeded: `it has more than 10 members`, and the setting's name."""
    raise ArchiveError("over_budget", f"{what} (CASELEDGER_{setting})")


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in an archive, by the name that it has there.

    `target` is the name of the file that a hard link is another name of; then it has no size.
    """

    name: str
    size: int
    modified: int
    target: str | None = None


class ArchiveReader(ABC):
    """One way through an archive. Nothing is kept of the members that were passed."""

    @abstractmethod
    def members(self) -> Iterator[Member]:
        """Give the regular files and hard links; ArchiveError where it cannot go on.

        When it ends without one, the archive is whole, and so are the checksums over it.
        """

    @abstractmethod
    def read(self, size: int) -> bytes | None:
        """Return the first `size` bytes of the member that was given last; to be called once.

        None for a file that is damaged, or packed in a way that is not known, while those behind
        it can be read.
        """

    def pieces(self, size: int) -> Iterator[bytes]:
        """Give in pieces what `read` would return; nothing for a file that cannot be read."""
        data = self.read(size)
        if data is not None:
            yield data
