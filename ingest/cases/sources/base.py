"""What every source gives: execution directories, and the bytes of those that are wanted."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeVar

from ingest.archives.budgets import Budgets
from ingest.cases.inventory import FileEntry, Inventory, take_inventory
from ingest.cases.layout import Location
from models.ingestions.damage import Damage

_BATCH = 256
_LARGEST_BATCH = 1024
_BATCH_BYTES = 16 * 2**20
_LARGEST_BATCH_BYTES = 64 * 2**20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FilesSummary:
    """What the files of an execution directory come to: enough to tell whether they changed.

    The fingerprint is of the names and sizes of all files, so that it is the same wherever a copy
    of the directory lies. `modified` is when the last of them was, in seconds since the epoch.
    """

    fingerprint: str
    file_count: int
    modified: int


def summarize(entries: Iterable[FileEntry]) -> FilesSummary:
    """Return what these files come to, whatever their order."""
    files = sorted(entries)
    told = "".join([f"{path}\0{size}\n" for path, size, _ in files])
    digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    modified = max((entry.modified for entry in files), default=0)
    return FilesSummary(digest[:32], len(files), modified)


class DirectoryTimes(NamedTuple):
    """A directory with files of an execution, by its name in that of the execution, or empty.

    `modified` and `changed` are its times, in nanoseconds since the epoch: they are others as soon
    as a file in it comes, goes or is renamed.
    """

    name: str
    modified: int
    changed: int


@dataclass(frozen=True, slots=True)
class ExecutionPath:
    """One execution directory: where it is. `path` names it to people and in the database."""

    path: str
    location: Location


@dataclass(frozen=True, slots=True)
class ExecutionDirectory(ExecutionPath):
    """One execution directory, and which files it has.

    An archive lists its directories by their `summary` only; what it reads has its entries too.
    `folders` are there when it is certain that they tell of all that comes later.
    """

    entries: tuple[FileEntry, ...] = ()
    summary: FilesSummary | None = None
    folders: tuple[DirectoryTimes, ...] = ()

    @property
    def inventory(self) -> Inventory:
        """Which of the files are to be read."""
        return take_inventory(self.entries, self.location.lid.text)

    @property
    def modified(self) -> int:
        """When a file of it was last modified, in seconds since the epoch."""
        return self.files_summary.modified

    @property
    def file_count(self) -> int:
        """How many files it has."""
        return self.files_summary.file_count

    @property
    def fingerprint(self) -> str:
        """A digest of the names and sizes of all files."""
        return self.files_summary.fingerprint

    @property
    def files_summary(self) -> FilesSummary:
        """What its files come to."""
        return self.summary or summarize(self.entries)


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of the files to read, or the directory to read them from.

    `sizes` are those that the files in the directory had when they were listed: a file that has
    another when it is read is being written, and says nothing yet.
    """

    directory: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def held(self) -> int:
        """How many bytes it holds in memory."""
        return sum(map(len, self.files.values()))


class Source(ABC):
    """Something to import.

    One that `can_prefetch` can find the next batch while the last one is being read.
    """

    can_prefetch: ClassVar[bool] = False

    def __init__(self, path: Path, budgets: Budgets) -> None:
        self.path = path
        self.budgets = budgets
        self.damages: list[Damage] = []
        self.is_closed = False

    @abstractmethod
    def find(self) -> Iterator[ExecutionDirectory]:
        """Give the execution directories, those of one case directory one after the other.

        What cannot be read is noted in `damages`; what can be is given all the same.
        """

    def locate(self) -> Iterator[ExecutionPath]:
        """Give them as `find` does, but not listed yet where listing is work."""
        yield from self.find()

    def look(self, place: ExecutionPath) -> ExecutionDirectory | None:
        """Return a directory with its files listed; None, and `damages`, when it cannot be."""
        assert isinstance(place, ExecutionDirectory)
        return place

    def close(self) -> None:
        """Have a search that is under way end at the next directory."""
        self.is_closed = True

    def batches(self) -> Iterator[Sequence[ExecutionPath]]:
        """Give what `locate` does in batches, each to be read in one go."""
        yield from grouped(self.locate(), _path_of)

    @abstractmethod
    def read(
        self, wanted: Sequence[ExecutionDirectory], limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Give the wanted directories of a batch with their entries and content.

        The order is the source's own. No more than the first `limit + 1` bytes of a file are
        given. When the source breaks off, that is noted in `damages`, and what follows is left
        out.
        """

    def _note(self, path: str, reason: str, detail: str) -> None:
        self.damages.append(Damage(path, reason, detail))


def case_directory(path: str) -> str:
    """Return the directory of the case that an execution directory lies in."""
    return path.rpartition("/")[0]


def grouped(
    items: Iterable[T], path_of: Callable[[T], str], held_by: Callable[[T], int] | None = None
) -> Iterator[list[T]]:
    """Group directories into batches, those of one case together as far as that is sensible.

    `held_by` tells how many bytes an item holds in memory, of which a batch holds not too many.
    """
    batch: list[T] = []
    parent = None
    held = 0
    for item in items:
        above = case_directory(path_of(item))
        is_full = len(batch) >= _BATCH or held >= _BATCH_BYTES
        is_over = len(batch) >= _LARGEST_BATCH or held >= _LARGEST_BATCH_BYTES
        if is_over or (is_full and above != parent):
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += held_by(item) if held_by else 0
        parent = above
    if batch:
        yield batch


def _path_of(place: ExecutionPath) -> str:
    return place.path
