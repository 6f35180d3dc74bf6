"""The interface of a source: it yields execution directories, and the bytes of wanted ones."""

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

# A batch ends at the next case once it has the first number, anywhere when it has the second.
_BATCH_SIZE = 256
_MAX_BATCH_SIZE = 1024
_BATCH_BYTES = 16 * 2**20
_MAX_BATCH_BYTES = 64 * 2**20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FilesSummary:
    """A summary of the files of an execution directory, from which a change can be seen.

    The fingerprint is a digest of the names and sizes of all files, so that every copy of the
    directory has the same. `modified` is the latest time at which one of them was modified, in
    seconds since the epoch.
    """

    fingerprint: str
    file_count: int
    modified: int


def summarize(entries: Iterable[FileEntry]) -> FilesSummary:
    """Return the summary of these files, which does not depend on their order."""
    files = sorted(entries)
    digest_input = "".join([f"{path}\0{size}\n" for path, size, _ in files])
    digest = hashlib.sha256(digest_input.encode("utf-8", "surrogateescape")).hexdigest()
    modified = max((entry.modified for entry in files), default=0)
    return FilesSummary(digest[:32], len(files), modified)


class DirectoryTimes(NamedTuple):
    """The times of an execution directory, or of one in it, in nanoseconds since the epoch.

    `name` is relative to the execution directory, and empty for that itself. Both times change as
    soon as a file in the directory is added, removed or renamed.
    """

    name: str
    modified: int
    changed: int


@dataclass(frozen=True, slots=True)
class ExecutionPath:
    """The location of an execution directory; `path` identifies it for users and is stored."""

    path: str
    location: Location


@dataclass(frozen=True, slots=True)
class ExecutionDirectory(ExecutionPath):
    """An execution directory and its files.

    An archive lists directories with their `summary` only, and adds the entries to those that it
    reads. `folders` is empty unless the times in it are certain to reveal every later change.
    """

    entries: tuple[FileEntry, ...] = ()
    summary: FilesSummary | None = None
    folders: tuple[DirectoryTimes, ...] = ()

    @property
    def inventory(self) -> Inventory:
        """The files to read."""
        return take_inventory(self.entries, self.location.lid.text)

    @property
    def modified(self) -> int:
        """The latest time at which one of its files was modified, in seconds since the epoch."""
        return self.files_summary.modified

    @property
    def file_count(self) -> int:
        """The number of its files."""
        return self.files_summary.file_count

    @property
    def fingerprint(self) -> str:
        """A digest of the names and sizes of all files."""
        return self.files_summary.fingerprint

    @property
    def files_summary(self) -> FilesSummary:
        """The summary of its files."""
        return self.summary or summarize(self.entries)


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of the files to read, or the directory to read them from.

    `sizes` are the sizes of the files in the directory when they were listed. A file that has
    another size when it is read is being written, and its content is not used. There are
    no symbolic links in the path of the directory.
    """

    directory: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def byte_count(self) -> int:
        """The number of bytes that it keeps in memory."""
        return sum(map(len, self.files.values()))


class Source(ABC):
    """Something to import: a directory or an archive.

    A source with `can_prefetch` can find the next batch while the last one is being read.
    """

    can_prefetch: ClassVar[bool] = False

    def __init__(self, path: Path, budgets: Budgets) -> None:
        self.path = path
        self.budgets = budgets
        self.damages: list[Damage] = []
        self.is_closed = False

    @abstractmethod
    def find(self) -> Iterator[ExecutionDirectory]:
        """Yield the execution directories, those of one case directory one after the other.

        Add what cannot be read to `damages`, and go on with the rest.
        """

    def locate(self) -> Iterator[ExecutionPath]:
        """Yield the directories as `find` does, but without their files where listing is work."""
        yield from self.find()

    def list_files(self, place: ExecutionPath) -> ExecutionDirectory | None:
        """Return a directory with its files; None, having noted damage, when that is impossible."""
        assert isinstance(place, ExecutionDirectory)
        return place

    def close(self) -> None:
        """End a search that is under way at the next directory."""
        self.is_closed = True

    def batches(self) -> Iterator[Sequence[ExecutionPath]]:
        """Yield the directories as `locate` does, in batches, each to be read in one go."""
        yield from batches_by_case(self.locate(), _path_of)

    @abstractmethod
    def read(
        self, wanted: Sequence[ExecutionDirectory], limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Yield the wanted directories of a batch with their entries and content.

        The source chooses the order. A file is cut after its first `limit + 1` bytes. When the
        source cannot be read further, note that in `damages` and leave out the rest.
        """

    def _note(self, path: str, reason: str, detail: str) -> None:
        self.damages.append(Damage(path, reason, detail))


def case_directory(path: str) -> str:
    """Return the directory that contains the execution directory: that of its case."""
    return path.rpartition("/")[0]


def batches_by_case(
    items: Iterable[T], path_of: Callable[[T], str], bytes_of: Callable[[T], int] | None = None
) -> Iterator[list[T]]:
    """Yield batches of execution directories; one ends within a case only when it gets too large.

    `bytes_of` returns how many bytes an item keeps in memory; batches are bounded by that too.
    """
    batch: list[T] = []
    last_case = None
    byte_count = 0
    for item in items:
        case = case_directory(path_of(item))
        is_full = len(batch) >= _BATCH_SIZE or byte_count >= _BATCH_BYTES
        is_over = len(batch) >= _MAX_BATCH_SIZE or byte_count >= _MAX_BATCH_BYTES
        if is_over or (is_full and case != last_case):
            yield batch
            batch, byte_count = [], 0
        batch.append(item)
        byte_count += bytes_of(item) if bytes_of else 0
        last_case = case
    if batch:
        yield batch


def _path_of(place: ExecutionPath) -> str:
    return place.path
