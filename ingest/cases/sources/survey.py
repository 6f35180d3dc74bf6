"""The survey of an archive: which execution directories it holds, learnt in one or two passes.

In every archive that was written in the order of the tree, the members of a directory follow each
other. Of such a directory only a record of about 190 bytes is kept: its name and its summary.
Entries are kept only of *scattered* directories: those whose members do not follow each other, or
that contain a hard link, which needs a member somewhere else.

    a/1  a/2  b/1  b/2  c/1     no directory is scattered
    a/1  b/1  a/2  b/2  c/1     a and b are scattered
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct

from ingest.archives.budgets import Budgets
from ingest.archives.reader import Member, exceeded
from ingest.cases.inventory import FileEntry
from ingest.cases.sources.base import FilesSummary, summarize
from ingest.cases.sources.member_paths import MemberPath, MemberPaths

_ROW = Struct("<16sIq")
_MAX_NAME_BYTES = 320  # of names that are kept, on average for each member that is allowed


@dataclass(frozen=True, slots=True)
class Links:
    """The hard links of an archive.

    `sizes` has the files that links name, with their sizes as far as they are known. `files` has
    for a link the name of the file that it leads to, through other links too.
    """

    sizes: dict[str, int | None] = field(default_factory=dict)
    files: dict[MemberPath, str] = field(default_factory=dict)


class Survey:
    """Receives the members of an archive one by one.

    Only a second survey, which is made from the first, knows the entries of scattered directories
    and the sizes of hard links: the first has passed them by the time it learns that they are
    needed.
    """

    def __init__(self, budgets: Budgets, first: "Survey | None" = None) -> None:
        self._budgets = budgets
        self._is_second = first is not None
        self._parents: dict[str, int] = {}
        self._rows: dict[str, bytes] = {}
        self._name_bytes = 0
        self._current = ""
        self._entries: dict[str, FileEntry] = {}
        self._roots: dict[str, str] = {}  # by the name of a link, the file behind a chain of links
        self.scattered: dict[str, dict[str, FileEntry]] = {}
        self.links = Links()
        self.paths = MemberPaths(budgets.depth)
        self.too_large: set[str] = set()
        if first is not None:
            self.scattered.update((directory, {}) for directory in first.scattered)
            self.links.sizes.update(dict.fromkeys(first.links.sizes))

    @property
    def is_complete(self) -> bool:
        """Whether no second survey is needed."""
        return self._is_second or not (self.scattered or self.links.sizes)

    def add(self, member: Member) -> None:
        """Add the next member."""
        place = self.paths.split(member.name)
        if place is not None and place.directory != self._current:
            self.close()
            self._begin(place.directory)
        size: int | None = member.size
        if member.target is not None:
            size = self._follow(member.name, member.target, place)
        elif member.name in self.links.sizes:
            self.links.sizes[member.name] = size
            self._roots.pop(member.name, None)
        if place is not None and size is not None and place.directory not in self.too_large:
            self._enter(place, FileEntry(place.path, size, member.modified))

    def close(self) -> None:
        """End the directory of the last member."""
        if self._current and self._current not in self.scattered:
            summary = summarize(self._entries.values())
            fingerprint = bytes.fromhex(summary.fingerprint)
            row = _ROW.pack(fingerprint, summary.file_count, summary.modified)
            self._rows[self._key(self._current)] = row
        self._current = ""

    def drop_last(self) -> str | None:
        """Forget the directory of the last member, and return it; None when there is none."""
        last, self._current = self._current, ""
        self.scattered.pop(last, None)
        return last or None

    def summaries(self) -> Iterator[tuple[str, FilesSummary]]:
        """Yield the directories that are not scattered, in the order of the archive."""
        parents = list(self._parents)
        for key, row in self._rows.items():
            number, _, name = key.partition("/")
            fingerprint, count, modified = _ROW.unpack(row)
            directory = f"{parents[int(number)]}/{name}".lstrip("/")
            if directory not in self.too_large:
                yield directory, FilesSummary(fingerprint.hex(), count, modified)

    def _begin(self, directory: str) -> None:
        self._current = directory
        self._entries = self.scattered.get(directory, {}) if self._is_second else {}
        if self._rows.pop(self._key(directory), None) is not None:
            self._scatter(directory)

    def _enter(self, place: MemberPath, entry: FileEntry) -> None:
        self._entries[place.path] = entry
        if self._is_second and place.directory in self.scattered:
            self._count_name(place.path)
        if len(self._entries) > self._budgets.execution_files:
            self.too_large.add(place.directory)
            self._entries.clear()

    def _follow(self, name: str, target: str, place: MemberPath | None) -> int | None:
        """Return the size of a hard link; None in the first survey and for a missing target."""
        if not self._is_second:
            self._count_name(target)
            self.links.sizes[target] = None
            if place is not None:
                self._scatter(place.directory)
            return None
        size = self.links.sizes.get(target)
        root = self._roots.get(target, target)
        if name in self.links.sizes:
            self.links.sizes[name] = size
            self._roots[name] = root
        if place is not None and size is not None:
            self.links.files[place] = root
        return size

    def _scatter(self, directory: str) -> None:
        if directory not in self.scattered:
            self._count_name(directory)
            self.scattered[directory] = {}

    def _key(self, directory: str) -> str:
        """Return a directory with a number for its parent, which many directories share."""
        parent, _, name = directory.rpartition("/")
        number = self._parents.get(parent)
        if number is None:
            self._count_name(parent)
            number = self._parents[parent] = len(self._parents)
        return f"{number}/{name}"

    def _count_name(self, name: str) -> None:
        """Count a name that is kept; ArchiveError when all of them take too much memory."""
        self._name_bytes += len(name)
        if self._name_bytes > _MAX_NAME_BYTES * self._budgets.members:
            exceeded("the names in it take too much memory", "MAX_MEMBERS")
