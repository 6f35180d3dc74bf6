"""Archive files: tar, compressed or not, and zip.

An archive is gone through twice at most when its members stand in the order of the tree. The
first time it is read to its end, names only: so its checksums are known to be right before
anything in it counts, and what is recorded already needs no second time. The second time gives
each directory as soon as the next begins. The memory that this takes is that of one directory,
and a small record of each (see `survey`). Directories whose members stand apart need more times.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.archives.kinds import ReaderFactory
from ingest.archives.reader import ArchiveError, ArchiveReader, Member, exceeded
from ingest.cases.inventory import FileEntry, take_inventory
from ingest.cases.layout import locate
from ingest.cases.sources.base import (
    Content,
    ExecutionDirectory,
    FilesSummary,
    Source,
    grouped,
    summarize,
)
from ingest.cases.sources.member_paths import MemberPaths, Place
from ingest.cases.sources.survey import Links, Survey
from models.cases.lid import parse_lid

_BUFFER = 2**17
_MOST_PASSES = 32  # through one archive for what lies scattered in it
_REFUSALS = {
    "unsafe_name": "have names that are absolute or lead elsewhere",
    "too_deep": "lie in too many directories (CASELEDGER_MAX_DEPTH)",
    "long_name": "have names that are too long",
}


@dataclass(slots=True)
class _Run:
    """A wanted directory that is being read: all its entries, and the files that may be needed."""

    found: ExecutionDirectory
    entries: dict[str, FileEntry] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    held: int = 0


class ArchiveSource(Source):
    """An archive file. Of several members of one name the last counts, as when it is unpacked.

    A hard link is another name of a file that stands before it, and is read as that.
    """

    def __init__(
        self, path: Path, budgets: Budgets, new_walk: ReaderFactory, name: str | None = None
    ) -> None:
        super().__init__(path, budgets)
        self.name = name  # what it is called, if not by its path
        self._new_walk = new_walk
        self._survey = Survey(budgets)
        self._state: tuple[int, ...] = ()
        self._wanted: dict[str, ExecutionDirectory] = {}
        self._limit = 0
        self._reading: Iterator[_Run] | None = None
        self._passes = 0

    def find(self) -> Iterator[ExecutionDirectory]:
        """Give the execution directories in the order of the archive, the scattered ones last.

        When the archive ends in the middle, the directory that it ends in is left out.
        """
        self._reading = None
        self._state = ()
        survey = Survey(self.budgets)
        error = self._go_through(survey)
        if not survey.is_complete and (error is None or error.is_trusted):
            survey = Survey(self.budgets, survey)
            error = self._go_through(survey)
        self._survey = survey
        self._note_survey(error)
        if error is not None and not error.is_trusted:
            return
        for directory, summary in survey.summaries():
            yield self._found(directory, summary)
        yield from self._scattered()

    def read(
        self, wanted: Sequence[ExecutionDirectory], limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Give each directory as soon as the next one begins, and the scattered ones last."""
        self._limit = limit
        of_batch = {self._inside(found.path): found for found in wanted}
        self._wanted = {d: f for d, f in of_batch.items() if d not in self._survey.scattered}
        scattered = [f for d, f in of_batch.items() if d in self._survey.scattered]
        try:
            yield from self._read_in_order()
            yield from self._read_scattered(scattered)
        except ArchiveError as error:
            self._reading = None
            self._note(str(self.path), error.reason, error.detail)
        except OSError as error:
            self._reading = None
            self._note(str(self.path), "unreadable", str(error))

    def batches(self) -> Iterator[list[ExecutionDirectory]]:
        """Give the execution directories in batches, all scattered ones in one.

        A time through the archive then gives as many of these as memory allows.
        """
        in_order = (found for found in self.find() if not found.entries)
        yield from grouped(in_order, lambda found: found.path)
        if scattered := list(self._scattered()):
            yield scattered

    # The first time: which directories there are.

    def _go_through(self, survey: Survey) -> ArchiveError | None:
        """Take the whole archive into a survey; return why it could not be read to its end."""
        try:
            with self._walk() as walk:
                for member in walk.members():
                    survey.add(member)
        except ArchiveError as error:
            return error
        except OSError as error:
            return ArchiveError("unreadable", str(error), is_trusted=False)
        survey.close()
        return None

    def _note_survey(self, error: ArchiveError | None) -> None:
        if error is not None:
            self._note(str(self.path), error.reason, error.detail)
            last = self._survey.drop_last()
            if last is not None and error.is_trusted:
                self._note(self._shown(last), "truncated", "the archive ends in it")
        places = self._survey.places
        for reason, count in places.refused.items():
            first = places.first_refused[reason]
            detail = f"{count} files in it {_REFUSALS[reason]}; the first is {first!r}"
            self._note(str(self.path), reason, detail)
        for directory in sorted(self._survey.too_large):
            most = self.budgets.execution_files
            detail = f"it has more than {most} files (CASELEDGER_MAX_EXECUTION_FILES)"
            self._note(self._shown(directory), "over_budget", detail)

    @contextmanager
    def _walk(self) -> Iterator[ArchiveReader]:
        """Open the archive, if it is still the one that was found."""
        with self.path.open("rb", _BUFFER) as file:
            found = os.fstat(file.fileno())
            if found.st_size > self.budgets.archive_bytes:
                exceeded(f"it has more than {self.budgets.archive_bytes} bytes", "MAX_ARCHIVE_MIB")
            state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            if self._state not in {(), state}:
                raise ArchiveError("changed", "it changed while it was read", is_trusted=False)
            self._state = state
            yield self._new_walk(file, self.budgets)

    # The second time: the content of the directories whose members stand together.

    def _read_in_order(self) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Go on where the batch before ended; from the beginning when that is too far."""
        is_new = self._reading is None
        while self._wanted:
            if self._reading is None:
                self._reading = self._runs()
            run = next(self._reading, None)
            if run is not None:
                yield from self._finished(run)
                continue
            self._reading = None
            if is_new:
                return
            is_new = True

    def _runs(self) -> Iterator[_Run]:
        """Give the directories that are wanted when the archive comes to them."""
        places = MemberPaths(self.budgets.depth)
        run: _Run | None = None
        current = ""
        with self._walk() as walk:
            for member in walk.members():
                place = places.place(member.name)
                if place is None:
                    continue
                if place.directory != current:
                    if run is not None:
                        yield run
                    current = place.directory
                    found = self._wanted.pop(current, None)
                    run = None if found is None else _Run(found)
                if run is not None:
                    self._take(run, place, member, walk)
        if run is not None:
            yield run

    def _take(self, run: _Run, place: Place, member: Member, walk: ArchiveReader) -> None:
        entry = FileEntry(place.path, member.size, member.modified)
        run.entries[place.path] = entry
        run.held -= len(run.files.pop(place.path, b""))
        is_read = take_inventory([entry], run.found.location.lid.text).files
        if is_read and run.held <= self.budgets.execution_bytes:
            data = walk.read(self._limit + 1)
            if data is not None:
                run.files[place.path] = data
                run.held += len(data)

    def _finished(self, run: _Run) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Give a directory that was read, unless it is too large or not the one that was found."""
        path, entries = run.found.path, tuple(run.entries.values())
        if run.held > self.budgets.execution_bytes:
            self._note_too_many_bytes(path)
        elif summarize(entries) != run.found.summary:
            self._note(path, "changed", "it changed while it was read")
        else:
            found = ExecutionDirectory(path, run.found.location, entries, run.found.summary)
            needed = found.inventory.files.values()
            files = {path: run.files[path] for path in needed if path in run.files}
            yield found, Content(files=files)

    def _note_too_many_bytes(self, path: str) -> None:
        most = self.budgets.execution_bytes
        detail = f"its files have more than {most} bytes (CASELEDGER_MAX_EXECUTION_MIB)"
        self._note(path, "over_budget", detail)

    # Further times: directories whose members stand apart.

    def _read_scattered(
        self, wanted: Iterable[ExecutionDirectory]
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        for group in self._groups(wanted):
            self._passes += 1
            if self._passes > _MOST_PASSES:
                detail = "its members stand too far apart: unpack it, or pack it again"
                raise ArchiveError("scattered", detail)
            reading = _Scattered(group, self._survey.links)
            with self._walk() as walk:
                for member in walk.members():
                    reading.take(member, walk, self._limit + 1)
            for found in group.values():
                yield found, Content(files=reading.files.pop(self._inside(found.path)))

    def _scattered(self) -> Iterator[ExecutionDirectory]:
        for directory, entries in self._survey.scattered.items():
            if entries:
                found = tuple(entries.values())
                yield self._found(directory, summarize(found), found)

    def _groups(
        self, wanted: Iterable[ExecutionDirectory]
    ) -> Iterator[dict[str, ExecutionDirectory]]:
        """Give directories by name, as many at a time as may be held in memory together."""
        group: dict[str, ExecutionDirectory] = {}
        held = 0
        for found in wanted:
            sizes = {entry.path: entry.size for entry in found.entries}
            size = sum(min(sizes[p], self._limit + 1) for p in found.inventory.files.values())
            if size > self.budgets.execution_bytes:
                self._note_too_many_bytes(found.path)
                continue
            if group and held + size > self.budgets.execution_bytes:
                yield group
                group, held = {}, 0
            group[self._inside(found.path)] = found
            held += size
        if group:
            yield group

    def _found(
        self, directory: str, summary: FilesSummary, entries: tuple[FileEntry, ...] = ()
    ) -> ExecutionDirectory:
        *parts, name = directory.split("/")
        lid = parse_lid(name)
        assert lid is not None
        return ExecutionDirectory(self._shown(directory), locate(parts, lid), entries, summary)

    def _shown(self, directory: str) -> str:
        return f"{self.name or os.path.abspath(self.path)}!{directory}"  # noqa: PTH100

    def _inside(self, shown: str) -> str:
        return shown.removeprefix(self._shown(""))


class _Scattered:
    """Reads what is needed of directories whose members stand anywhere."""

    def __init__(self, group: Mapping[str, ExecutionDirectory], links: Links) -> None:
        self._needed = {d: set(found.inventory.files.values()) for d, found in group.items()}
        self._links = links.files
        self._named = {
            name for place, name in links.files.items()
            if place.path in self._needed.get(place.directory, ())
        }  # fmt: skip
        self._linked: dict[str, bytes | None] = {}
        self._places = MemberPaths(64)
        self.files: dict[str, dict[str, bytes]] = {directory: {} for directory in group}

    def take(self, member: Member, walk: ArchiveReader, size: int) -> None:
        """Take the next member, the first `size` bytes of it."""
        place = self._places.place(member.name)
        is_needed = place is not None and place.path in self._needed.get(place.directory, ())
        data: bytes | None = None
        if member.target is not None and place is not None:
            data = self._linked.get(self._links.get(place, ""))
        elif is_needed or member.name in self._named:
            data = walk.read(size)
            if member.name in self._named:
                self._linked[member.name] = data
        if is_needed and place is not None:
            self.files[place.directory].pop(place.path, None)
            if data is not None:
                self.files[place.directory][place.path] = data
