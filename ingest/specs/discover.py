"""The files below a path that Spack may have written, with their bytes. Nothing is extracted.

Some names are Spack's own: `.spack/spec.json`, `spack.lock`, `.spack-db/index.json`,
`*.spec.json.sig`, manifests of build caches. Other files of JSON or YAML are opened, and skipped
when their content is something else. Of an installed package only `.spack` is searched.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ingest.archives.archive import Archive
from ingest.archives.budgets import Budgets
from ingest.archives.content import expand_head
from ingest.archives.kinds import ReaderFactory, reader_for
from ingest.archives.place import Place, open_file_in_place
from ingest.archives.reader import ArchiveError
from ingest.archives.walk import DirectoryWalk, Entry, FileStat, file_stat
from ingest.specs.formats.buildcache import Blob
from models.cases.lid import parse_lid
from models.errors import ParseError, SourceError
from models.ingestions.damage import Damage
from models.spack.prefix import METADATA, is_prefix

_SPACK_NAMES = (
    "spec.json", "spec.yaml", "spack.lock", "*.spec.json", "*.spec.yaml", "*.spec.json.sig",
    "*.spec.manifest.json", "index.manifest.json",
)  # fmt: skip
_POSSIBLE_SUFFIXES = (".json", ".ndjson", ".jsonl", ".lock", ".sig", ".yaml", ".yml")
_COMPRESSED_SUFFIX = ".gz"
_OTHER_NAMES = frozenset({
    "install_manifest.json", "install_environment.json", "install_times.json", "layout.json",
    "compile_commands.json", "spack.yaml",
})  # fmt: skip
SKIPPED_DIRECTORIES = frozenset({"archived-files", "repos", "blobs", "_pgp", ".git", "sbom"})
_MARKS = (b'"spec"', b'"_meta"', b'"concrete_specs"', b'"database"', b'"package_hash"',
          b'"parameters"', b'"specs"', b"spec:")  # fmt: skip
_HEAD_BYTES = 2**16
_MANIFESTS = "/v3/manifests/"


@dataclass(frozen=True, slots=True)
class SpackFile:
    """A file that contains specs, or seems to; `path` identifies it for users and is stored.

    `blobs` are the blobs of its build cache that it names, by checksum.
    """

    path: str
    data: bytes
    blobs: dict[str, bytes] = field(default_factory=dict)

    def fetch(self, blob: Blob) -> bytes | None:
        """Return the bytes of a blob of its build cache, or None."""
        return self.blobs.get(blob.checksum)


def can_hold_specs(path: str) -> bool:
    """Return whether a file has to be opened, by its path below what is searched."""
    if not (_has_possible_suffix(path) or "/failures/" in path):
        return False
    parts = PurePosixPath(path).parts
    return bool(parts) and SKIPPED_DIRECTORIES.isdisjoint(parts[:-1]) and _has_possible_name(parts)


def _has_possible_suffix(name: str) -> bool:
    return name.removesuffix(_COMPRESSED_SUFFIX).lower().endswith(_POSSIBLE_SUFFIXES)


def _has_possible_name(parts: Sequence[str]) -> bool:
    if "failures" in parts[:-1] and ".spack-db" in parts:
        return True
    name = parts[-1]
    return _has_possible_suffix(name) and name.removesuffix(_COMPRESSED_SUFFIX) not in _OTHER_NAMES


def has_spack_name(path: str) -> bool:
    """Return whether a file is Spack's by its name: then it is reported when it cannot be read."""
    name = PurePosixPath(path).name.removesuffix(_COMPRESSED_SUFFIX)
    in_database = name == "index.json" and ".spack-db" in PurePosixPath(path).parts
    return in_database or any(fnmatchcase(name, pattern) for pattern in _SPACK_NAMES)


def has_spec_marks(data: bytes) -> bool:
    """Return whether a file seems to contain specs, by its first bytes."""
    with suppress(ParseError):
        head = expand_head(data[: 2 * _HEAD_BYTES], _HEAD_BYTES)
        return any(mark in head for mark in _MARKS)
    return False


class SpackFiles:
    """The files of Spack below a path; what cannot be read is noted in `damages`.

    A file may have another `name` than its path, under which it is recorded. Files of more than
    `limit` bytes are not read.
    """

    def __init__(self, path: Path, budgets: Budgets, limit: int, name: str | None = None) -> None:
        self.path = path
        self._name = name or os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links
        self.damages: list[Damage] = []
        self._budgets = budgets
        self._limit = limit
        self._place = Place(path)

    @property
    def has_stable_path(self) -> bool:
        """Whether a later import can meet the same path: an upload has a name of its own."""
        return self._name == os.path.abspath(self.path)  # noqa: PTH100

    def candidates(self) -> Iterator[FileStat]:
        """Yield the files that may contain specs, in the order of their paths; an archive is one.

        Raise SourceError when the path is neither a directory, nor an archive, nor a file of Spack.
        """
        root = os.path.abspath(self.path)  # noqa: PTH100
        if self.path.is_dir():
            return DirectoryWalk(self._budgets, _select, self._note).files(root)
        is_archive = reader_for(self.path) is not None
        if is_archive or can_hold_specs(self.path.name) or self._has_marks():
            return self._single_candidate(root)
        raise SourceError(f"{self.path}: not a directory, an archive or a file of Spack")

    def files(self, candidate: FileStat) -> Iterator[SpackFile]:
        """Yield the files of a candidate, manifests of build caches with the blobs that they name.

        A candidate without specs has no files.
        """
        if self.path.is_dir():
            return self._file_in_tree(candidate.path)
        new_reader = reader_for(self.path)
        return self._single_file() if new_reader is None else self._files_in_archive(new_reader)

    def _single_candidate(self, path: str) -> Iterator[FileStat]:
        try:
            status = os.stat(path)  # noqa: PTH116 - paths are text here
        except OSError as error:
            self._note(path, "unreadable", str(error))
        else:
            yield file_stat(path, status)

    def _has_marks(self) -> bool:
        try:
            with self.path.open("rb") as file:
                return has_spec_marks(file.read(_HEAD_BYTES))
        except OSError:
            return False

    def _single_file(self) -> Iterator[SpackFile]:
        data = self._read(str(self.path))
        if data is not None:
            yield self._with_blobs(SpackFile(self._name, data))

    def _file_in_tree(self, path: str) -> Iterator[SpackFile]:
        data = self._read(path)
        if data is not None and (has_spack_name(path) or has_spec_marks(data)):
            yield self._with_blobs(SpackFile(path, data))

    def _read(self, path: str) -> bytes | None:
        try:
            with os.fdopen(open_file_in_place(self._place.real(path)), "rb") as file:
                data = file.read(self._limit + 1)
        except OSError as error:
            self._note(path, "unreadable", str(error))
            return None
        return data if self._is_within_limit(path, data) else None

    def _is_within_limit(self, path: str, data: bytes) -> bool:
        if len(data) <= self._limit:
            return True
        detail = f"it has more than {self._limit} bytes (CASELEDGER_MAX_FILE_MIB)"
        self._note(path, "too_large", detail)
        return False

    def _with_blobs(self, file: SpackFile) -> SpackFile:
        for checksum, path in blob_paths(file).items():
            data = self._read(path) if Path(path).is_file() else None
            if data is not None:
                file.blobs[checksum] = data
        return file

    def _files_in_archive(self, new_reader: ReaderFactory) -> Iterator[SpackFile]:
        """Yield the files of an archive; manifests come last, after a second pass for their blobs.

        When the archive cannot be read to its end, the files before that are yielded all the same.
        """
        archive = Archive(self.path, self._budgets, new_reader)
        manifests: list[SpackFile] = []
        try:
            for name, data in self._members(archive):
                file = SpackFile(self._display_path(name), data)
                if _MANIFESTS in f"/{name}":
                    manifests.append(file)
                elif has_spack_name(name) or has_spec_marks(data):
                    yield file
            if manifests:
                self._read_blobs(archive, manifests)
        except ArchiveError as error:
            self._note(str(self.path), error.reason, error.detail)
        yield from manifests

    def _members(
        self, archive: Archive, suffixes: Sequence[str] = ()
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the members that may contain specs, or else those whose names end in a suffix."""
        with archive.open() as reader:
            for member in reader.members():
                name = member.name.removeprefix("./")
                is_wanted = name.endswith(tuple(suffixes)) if suffixes else can_hold_specs(name)
                if member.target is None and is_wanted and ".." not in name.split("/"):
                    data = reader.read(self._limit + 1)
                    if data is not None and self._is_within_limit(self._display_path(name), data):
                        yield name, data

    def _read_blobs(self, archive: Archive, manifests: Sequence[SpackFile]) -> None:
        """Add the blobs that the manifests name, within the memory that one execution may take."""
        wanted: dict[str, list[tuple[SpackFile, str]]] = {}
        for file in manifests:
            root = file.path.removeprefix(self._display_path("")).rpartition(_MANIFESTS[1:])[0]
            for blob in named_blobs(file):
                wanted.setdefault(f"{root}{blob.path}", []).append((file, blob.checksum))
        byte_count = 0
        for name, data in self._members(archive, list(wanted)) if wanted else ():
            byte_count += len(data)
            if byte_count > self._budgets.execution_bytes:
                detail = "the blobs take too much memory"
                self._note(self._display_path(name), "over_budget", detail)
                return
            for file, checksum in wanted.get(name, ()):
                file.blobs[checksum] = data

    def _display_path(self, name: str) -> str:
        return f"{self._name}!{name}"

    def _note(self, path: str, reason: str, detail: str) -> None:
        self.damages.append(Damage(path, reason, detail))


def _select(directory: str, entries: Sequence[Entry]) -> Iterator[tuple[Entry, str | None]]:
    """Want regular files with a possible name; enter neither executions nor skipped directories."""
    has_metadata = any(entry.name == METADATA for entry in entries)
    is_installed = has_metadata and is_prefix(Path(directory))
    for entry in entries:
        if is_installed and entry.name != METADATA:
            continue
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in SKIPPED_DIRECTORIES and parse_lid(entry.name) is None:
                yield entry, None
        elif _has_possible_name(entry.path.split("/")) and entry.is_file(follow_symlinks=False):
            yield entry, entry.path


def blob_paths(file: SpackFile) -> dict[str, str]:
    """Return the paths of the blobs with specs that a manifest in a build cache names, by checksum.

    A file that is no manifest names none.
    """
    root, mark, _ = file.path.rpartition(_MANIFESTS)
    return {blob.checksum: f"{root}/{blob.path}" for blob in named_blobs(file)} if mark else {}


def named_blobs(file: SpackFile) -> list[Blob]:
    """Return the blobs with specs that a manifest names."""
    from ingest.specs.formats.detect import read  # many modules, which few imports need here

    blobs: list[Blob] = []

    def note(blob: Blob) -> bytes | None:
        blobs.append(blob)
        return None

    for _ in read(file.data, file.path, fetch=note):
        pass
    return blobs
