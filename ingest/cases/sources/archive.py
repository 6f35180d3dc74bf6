"""Archive files: tar, compressed or not, and zip.

An archive is read twice at most when its members are in the order of the tree. The first pass reads
the names to the end of the archive. So its checksums are known to be right before anything in it
counts, and an archive that is recorded already needs no second pass. The second pass yields each
directory as soon as the next one begins. It keeps one directory in memory, and a small record of
every directory (see `survey`). Scattered directories, whose members do not follow each other, need
further passes.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from more_itertools import constrained_batches

from ingest.archives.archive import Archive
from ingest.archives.budgets import Budgets
from ingest.archives.kinds import ReaderFactory
from ingest.archives.reader import ArchiveError, ArchiveReader, Member
from ingest.cases.inventory import FileEntry, take_inventory
from ingest.cases.layout import locate
from ingest.cases.sources.base import (
    Content,
    ExecutionDirectory,
    FilesSummary,
    Source,
    batches_by_case,
    summarize,
)
from ingest.cases.sources.member_paths import MemberPath, MemberPaths
from ingest.cases.sources.survey import Links, Survey
from models.cases.lid import parse_lid

_MAX_PASSES = 32  # through one archive, for its scattered directories
_REFUSALS = {
    "unsafe_name": "have names that are absolute or lead elsewhere",
    "too_deep": "lie in too many directories (CASELEDGER_MAX_DEPTH)",
    "long_name": "have names that are too long",
}


@dataclass(slots=True)
class _OpenDirectory:
    """A wanted directory while it is read: all its entries, and the files that may be needed."""

    execution: ExecutionDirectory
    entries: dict[str, FileEntry] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    byte_count: int = 0


class ArchiveSource(Source):
    """An archive file. Of several members with the same name the last counts, as in unpacking.

    A hard link is another name of an earlier member, and is read as that.
    """

    def __init__(
        self, path: Path, budgets: Budgets, new_reader: ReaderFactory, name: str | None = None
    ) -> None:
        super().__init__(path, budgets)
        self.name = name  # takes the place of the path in what is recorded
        self._new_reader = new_reader
        self._survey = Survey(budgets)
        self._archive = Archive(path, budgets, new_reader)
        self._wanted: dict[str, ExecutionDirectory] = {}
        self._limit = 0
        self._reading: Iterator[_OpenDirectory] | None = None
        self._passes = 0

    def find(self) -> Iterator[ExecutionDirectory]:
        """Yield the execution directories in the order of the archive, the scattered ones last.

        When the archive is truncated, the directory in which it ends is left out.
        """
        self._reading = None
        self._archive = Archive(self.path, self.budgets, self._new_reader)
        survey = Survey(self.budgets)
        error = self._survey_members(survey)
        if not survey.is_complete and (error is None or error.is_trusted):
            survey = Survey(self.budgets, survey)
            error = self._survey_members(survey)
        self._survey = survey
        self._note_survey(error)
        if error is not None and not error.is_trusted:
            return
        for directory, summary in survey.summaries():
            yield self._execution(directory, summary)
        yield from self._scattered()

    def read(
        self, wanted: Sequence[ExecutionDirectory], limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Yield each directory as soon as the next one begins, and the scattered ones last."""
        self._limit = limit
        batch = {self._inside(execution.path): execution for execution in wanted}
        self._wanted = {d: f for d, f in batch.items() if d not in self._survey.scattered}
        scattered = [f for d, f in batch.items() if d in self._survey.scattered]
        try:
            yield from self._read_in_order()
            yield from self._read_scattered(scattered)
        except ArchiveError as error:
            self._reading = None
            self._note(str(self.path), error.reason, error.detail)

    def batches(self) -> Iterator[list[ExecutionDirectory]]:
        """Yield the execution directories in batches, all scattered ones in one batch.

        So each pass for these reads as many of them as memory allows.
        """
        in_order = (execution for execution in self.find() if not execution.entries)
        yield from batches_by_case(in_order, lambda execution: execution.path)
        if scattered := list(self._scattered()):
            yield scattered

    # The first pass: which directories there are.

    def _survey_members(self, survey: Survey) -> ArchiveError | None:
        """Add all members to a survey; return the error that ended this early, or None."""
        try:
            with self._archive.open() as reader:
                for member in reader.members():
                    survey.add(member)
        except ArchiveError as error:
            return error
        survey.close()
        return None

    def _note_survey(self, error: ArchiveError | None) -> None:
        if error is not None:
            self._note(str(self.path), error.reason, error.detail)
            last = self._survey.drop_last()
            if last is not None and error.is_trusted:
                self._note(self._shown(last), "truncated", "the archive ends in it")
        paths = self._survey.paths
        for reason, count in paths.refusals.items():
            first = paths.first_refused[reason]
            detail = f"{count} files in it {_REFUSALS[reason]}; the first is {first!r}"
            self._note(str(self.path), reason, detail)
        for directory in sorted(self._survey.too_large):
            limit = self.budgets.execution_files
            detail = f"it has more than {limit} files (CASELEDGER_MAX_EXECUTION_FILES)"
            self._note(self._shown(directory), "over_budget", detail)

    # The second pass: the content of the directories that are not scattered.

    def _read_in_order(self) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Continue where the last batch ended; start again when a directory lies before that."""
        is_new = self._reading is None
        while self._wanted:
            if self._reading is None:
                self._reading = self._wanted_directories()
            directory = next(self._reading, None)
            if directory is not None:
                yield from self._checked(directory)
                continue
            self._reading = None
            if is_new:
                return
            is_new = True

    def _wanted_directories(self) -> Iterator[_OpenDirectory]:
        """Yield the directories that are in `_wanted` when the pass reaches them."""
        paths = MemberPaths(self.budgets.depth)
        directory: _OpenDirectory | None = None
        current = ""
        with self._archive.open() as reader:
            for member in reader.members():
                place = paths.split(member.name)
                if place is None:
                    continue
                if place.directory != current:
                    if directory is not None:
                        yield directory
                    current = place.directory
                    execution = self._wanted.pop(current, None)
                    directory = None if execution is None else _OpenDirectory(execution)
                if directory is not None:
                    self._add(directory, place, member, reader)
        if directory is not None:
            yield directory

    def _add(
        self, directory: _OpenDirectory, place: MemberPath, member: Member, reader: ArchiveReader
    ) -> None:
        entry = FileEntry(place.path, member.size, member.modified)
        directory.entries[place.path] = entry
        directory.byte_count -= len(directory.files.pop(place.path, b""))
        is_read = take_inventory([entry], directory.execution.location.lid.text).files
        if is_read and directory.byte_count <= self.budgets.execution_bytes:
            data = reader.read(self._limit + 1)
            if data is not None:
                directory.files[place.path] = data
                directory.byte_count += len(data)

    def _checked(self, read: _OpenDirectory) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Yield a directory that was read, unless it is too large or differs from the survey."""
        path, entries = read.execution.path, tuple(read.entries.values())
        if read.byte_count > self.budgets.execution_bytes:
            self._note_too_many_bytes(path)
        elif summarize(entries) != read.execution.summary:
            self._note(path, "changed", "it changed while it was read")
        else:
            execution = ExecutionDirectory(
                path, read.execution.location, entries, read.execution.summary
            )
            needed = execution.inventory.files.values()
            files = {path: read.files[path] for path in needed if path in read.files}
            yield execution, Content(files=files)

    def _note_too_many_bytes(self, path: str) -> None:
        limit = self.budgets.execution_bytes
        detail = f"its files have more than {limit} bytes (CASELEDGER_MAX_EXECUTION_MIB)"
        self._note(path, "over_budget", detail)

    # Further passes: scattered directories.

    def _read_scattered(
        self, wanted: Iterable[ExecutionDirectory]
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        for group in self._groups(wanted):
            self._passes += 1
            if self._passes > _MAX_PASSES:
                detail = "its members are too far apart: unpack it, or pack it again"
                raise ArchiveError("scattered", detail)
            contents = _ScatteredFiles(group, self._survey.links)
            with self._archive.open() as reader:
                for member in reader.members():
                    contents.add(member, reader, self._limit + 1)
            for execution in group.values():
                yield execution, Content(files=contents.files.pop(self._inside(execution.path)))

    def _scattered(self) -> Iterator[ExecutionDirectory]:
        for directory, by_path in self._survey.scattered.items():
            if by_path:
                entries = tuple(by_path.values())
                yield self._execution(directory, summarize(entries), entries)

    def _groups(
        self, wanted: Iterable[ExecutionDirectory]
    ) -> Iterator[dict[str, ExecutionDirectory]]:
        """Yield groups of directories, by name, whose files are kept in memory together.

        The budget of bytes for one execution bounds the group too. A directory that exceeds it
        alone is left out, with a note.
        """
        limit = self.budgets.execution_bytes
        fitting = (execution for execution in wanted if self._has_few_bytes(execution))
        for group in constrained_batches(fitting, limit, get_len=self._bytes_to_read):
            yield {self._inside(execution.path): execution for execution in group}

    def _has_few_bytes(self, execution: ExecutionDirectory) -> bool:
        """Return whether the budget allows to read a directory; otherwise note that."""
        if self._bytes_to_read(execution) <= self.budgets.execution_bytes:
            return True
        self._note_too_many_bytes(execution.path)
        return False

    def _bytes_to_read(self, execution: ExecutionDirectory) -> int:
        sizes = {entry.path: entry.size for entry in execution.entries}
        return sum(min(sizes[path], self._limit + 1) for path in execution.inventory.files.values())

    def _execution(
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


class _ScatteredFiles:
    """The needed files of scattered directories, collected from the members of one pass."""

    def __init__(self, group: Mapping[str, ExecutionDirectory], links: Links) -> None:
        self._needed = {
            d: set(execution.inventory.files.values()) for d, execution in group.items()
        }
        self._links = links.files
        self._named = {
            name for place, name in links.files.items()
            if place.path in self._needed.get(place.directory, ())
        }  # fmt: skip
        self._linked: dict[str, bytes | None] = {}
        self._paths = MemberPaths(64)
        self.files: dict[str, dict[str, bytes]] = {directory: {} for directory in group}

    def add(self, member: Member, reader: ArchiveReader, size: int) -> None:
        """Add the first `size` bytes of the next member if they are needed."""
        place = self._paths.split(member.name)
        is_needed = place is not None and place.path in self._needed.get(place.directory, ())
        data: bytes | None = None
        if member.target is not None and place is not None:
            data = self._linked.get(self._links.get(place, ""))
        elif is_needed or member.name in self._named:
            data = reader.read(size)
            if member.name in self._named:
                self._linked[member.name] = data
        if is_needed and place is not None:
            self.files[place.directory].pop(place.path, None)
            if data is not None:
                self.files[place.directory][place.path] = data
