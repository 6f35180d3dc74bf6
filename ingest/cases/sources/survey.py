"""What going through an archive once tells of the execution directories in it.

Of a directory whose members stand together, as they do in every archive that was written in the
order of the tree, only a record of about 190 bytes is kept: its name and its summary. The entries
are kept only of *scattered* directories: those whose members stand apart, or that hold a hard
link, which needs a member somewhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct

from ingest.archives.budgets import Budgets
from ingest.archives.reader import Member, exceeded
from ingest.cases.inventory import FileEntry
from ingest.cases.sources.base import FilesSummary, summarize
from ingest.cases.sources.member_paths import MemberPaths, Place

_ROW = Struct("<16sIq")
_NAME_BYTES = 320  # of the names that are kept, on average for each member that is allowed


@dataclass(frozen=True, slots=True)
class Links:
    """The hard links of an archive.

    `sizes` are those of the files that links name, as far as they are known; `files` has the name
    of the file that the link in a place is another name of.
    """

    sizes: dict[str, int | None] = field(default_factory=dict)
    files: dict[Place, str] = field(default_factory=dict)


class Survey:
    """Takes the members of an archive one by one.

    Only a second survey, which is given the first, knows the entries of scattered directories and
    the sizes of hard links: the first has passed them when it learns that they are needed.
    """

    def __init__(self, budgets: Budgets, first: "Survey | None" = None) -> None:
        self._budgets = budgets
        self._is_second = first is not None
        self._parents: dict[str, int] = {}
        self._rows: dict[str, bytes] = {}
        self._held = 0
        self._current = ""
        self._entries: dict[str, FileEntry] = {}
        self._roots: dict[str, str] = {}
        self.scattered: dict[str, dict[str, FileEntry]] = {}
        self.links = Links()
        self.places = MemberPaths(budgets.depth)
        self.too_large: set[str] = set()
        if first is not None:
            self.scattered.update((directory, {}) for directory in first.scattered)
            self.links.sizes.update(dict.fromkeys(first.links.sizes))

    @property
    def is_complete(self) -> bool:
        """Whether it needs no second survey."""
        return self._is_second or not (self.scattered or self.links.sizes)

    def add(self, member: Member) -> None:
        """Take the next member."""
        place = self.places.place(member.name)
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
        """End the directory that the last member was in."""
        if self._current and self._current not in self.scattered:
            summary = summarize(self._entries.values())
            fingerprint = bytes.fromhex(summary.fingerprint)
            row = _ROW.pack(fingerprint, summary.file_count, summary.modified)
            self._rows[self._key(self._current)] = row
        self._current = ""

    def drop_last(self) -> str | None:
        """Forget the directory that the last member was in, and return it."""
        last, self._current = self._current, ""
        self.scattered.pop(last, None)
        return last or None

    def summaries(self) -> Iterator[tuple[str, FilesSummary]]:
        """Give the directories whose members stand together, in the order of the archive."""
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

    def _enter(self, place: Place, entry: FileEntry) -> None:
        self._entries[place.path] = entry
        if self._is_second and place.directory in self.scattered:
            self._hold(len(place.path))
        if len(self._entries) > self._budgets.execution_files:
            self.too_large.add(place.directory)
            self._entries.clear()

    def _follow(self, name: str, target: str, place: Place | None) -> int | None:
        """Return the size of a hard link; None when it is not known, or what it names not there."""
        if not self._is_second:
            self._hold(len(target))
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
            self._hold(len(directory))
            self.scattered[directory] = {}

    def _key(self, directory: str) -> str:
        parent, _, name = directory.rpartition("/")
        number = self._parents.get(parent)
        if number is None:
            self._hold(len(parent))
            number = self._parents[parent] = len(self._parents)
        return f"{number}/{name}"

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > _NAME_BYTES * self._budgets.members:
            exceeded("the names in it take too much memory", "MAX_MEMBERS")
