"""The interface of archive readers: one member after the other, from the beginning."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn


class ArchiveError(Exception):
    """An archive cannot be read any further.

    `is_trusted` says whether what came before can be used: it cannot when a checksum over all of it
    is wrong.
    """

    def __init__(self, reason: str, detail: str, *, is_trusted: bool = True) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.is_trusted = is_trusted


def damaged(detail: str) -> NoReturn:
    """Raise ArchiveError `damaged_archive`."""
    raise ArchiveError("damaged_archive", detail)


def exceeded(what: str, setting: str) -> NoReturn:
    """Raise ArchiveError `over_budget`: `it has more than 10 members`, and the setting's name."""
    raise ArchiveError("over_budget", f"{what} (CASELEDGER_{setting})")


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file or a hard link in an archive, by its name there.

    `modified` is in seconds since the epoch. `target` is the name of the file that a hard link is
    another name of; then `size` is 0.
    """

    name: str
    size: int
    modified: int
    target: str | None = None


class ArchiveReader(ABC):
    """One pass through an archive; it keeps nothing of the members that it has passed."""

    @abstractmethod
    def members(self) -> Iterator[Member]:
        """Yield the regular files and hard links; raise ArchiveError where it cannot go on.

        When it ends without an error, the archive is whole, and so are the checksums over it.
        """

    @abstractmethod
    def read(self, size: int) -> bytes | None:
        """Return the first `size` bytes of the last member; call it at most once for each.

        Return None for a file that is damaged, or compressed by an unknown method, when the members
        after it can still be read.
        """

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield in pieces what `read` would return; nothing for a file that cannot be read."""
        data = self.read(size)
        if data is not None:
            yield data
