"""Which files below a path Spack may have written, and their bytes; nothing is extracted.

Some names are Spack's own: `.spack/spec.json`, `spack.lock`, `.spack-db/index.json`,
`*.spec.json.sig`, manifests of build caches. Other files of JSON or YAML are looked into, and
passed over when they are something else. Of an installed package only `.spack` is looked at.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ingest.archives.budgets import Budgets
from ingest.archives.content import expand_head
from ingest.archives.kinds import ReaderFactory, reader_for
from ingest.archives.reader import ArchiveError
from ingest.specs.formats.buildcache import Blob
from ingest.specs.formats.detect import read
from models.cases.lid import parse_lid
from models.errors import ParseError, SourceError
from models.ingestions.damage import Damage
from models.spack.prefix import METADATA, is_prefix

_CERTAIN = (
    "spec.json", "spec.yaml", "spack.lock", "*.spec.json", "*.spec.yaml", "*.spec.json.sig",
    "*.spec.manifest.json", "index.manifest.json",
)  # fmt: skip
_POSSIBLE = ("*.json", "*.ndjson", "*.jsonl", "*.lock", "*.sig", "*.yaml", "*.yml")
_PACKED = (".gz",)
_OTHERS = frozenset({
    "install_manifest.json", "install_environment.json", "install_times.json", "layout.json",
    "compile_commands.json", "spack.yaml",
})  # fmt: skip
UNSEEN = frozenset({"archived-files", "repos", "blobs", "_pgp", ".git", "sbom"})
_MARKS = (b'"spec"', b'"_meta"', b'"concrete_specs"', b'"database"', b'"package_hash"',
          b'"parameters"', b'"specs"', b"spec:")  # fmt: skip
_HEAD = 2**16
_MANIFESTS = "/v3/manifests/"


@dataclass(frozen=True, slots=True)
class SpackFile:
    """A file that holds specs, or seems to; `path` names it to people and in the database.

    `blobs` are those of its build cache that it names, by checksum.
    """

    path: str
    data: bytes
    blobs: dict[str, bytes] = field(default_factory=dict)

    def fetch(self, blob: Blob) -> bytes | None:
        """Give the bytes of a blob of its build cache."""
        return self.blobs.get(blob.checksum)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file or an archive that may hold specs, with its size and its times in nanoseconds."""

    path: str
    size: int
    modified: int
    changed: int


def may_hold_specs(path: str) -> bool:
    """Tell by its path below what is searched whether a file is worth a look."""
    parts = PurePosixPath(path).parts
    return bool(parts) and UNSEEN.isdisjoint(parts[:-1]) and _is_called_so(parts)


def _is_called_so(parts: Sequence[str]) -> bool:
    if "failures" in parts[:-1] and ".spack-db" in parts:
        return True
    name = parts[-1]
    for suffix in _PACKED:
        name = name.removesuffix(suffix)
    return name not in _OTHERS and any(
        fnmatchcase(name.lower(), pattern) for pattern in (*_CERTAIN, *_POSSIBLE)
    )


def is_certain(path: str) -> bool:
    """Tell by its name whether a file is Spack's: then it counts when it cannot be read."""
    name = PurePosixPath(path).name.removesuffix(".gz")
    in_database = name == "index.json" and ".spack-db" in PurePosixPath(path).parts
    return in_database or any(fnmatchcase(name, pattern) for pattern in _CERTAIN)


def seems_to_hold_specs(data: bytes) -> bool:
    """Tell by the beginning of a file whether specs may be in it."""
    with suppress(ParseError):
        head = expand_head(data[: 2 * _HEAD], _HEAD)
        return any(mark in head for mark in _MARKS)
    return False


class SpackFiles:
    """The files below a path; what cannot be read is noted in `damages`.

    A file may have another `name` than its path, under which it is recorded.
    """

    def __init__(self, path: Path, budgets: Budgets, limit: int, name: str | None = None) -> None:
        self.path = path
        self._name = name or os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links
        self.damages: list[Damage] = []
        self._budgets = budgets
        self._limit = limit

    @property
    def is_lasting(self) -> bool:
        """Whether the path can be known again: not that of an upload, which has another name."""
        return self._name == os.path.abspath(self.path)  # noqa: PTH100

    def places(self) -> Iterator[Candidate]:
        """Give what there is to read: of a directory its files, an archive as one.

        SourceError when the path is neither a directory, nor an archive, nor a file of Spack.
        """
        if self.path.is_dir():
            return self._placed(self._paths(os.path.abspath(self.path), 0))  # noqa: PTH100
        is_archive = reader_for(self.path) is not None
        if is_archive or may_hold_specs(self.path.name) or self._is_mentioned():
            return self._placed([os.path.abspath(self.path)])  # noqa: PTH100
        raise SourceError(f"{self.path}: not a directory, an archive or a file of Spack")

    def files(self, place: Candidate) -> Iterator[SpackFile]:
        """Give the files of a place, manifests of build caches with the blobs that they name."""
        if self.path.is_dir():
            return self._file(place.path)
        new_walk = reader_for(self.path)
        return self._single() if new_walk is None else self._archive(new_walk)

    def _placed(self, paths: Iterable[str]) -> Iterator[Candidate]:
        for path in paths:
            try:
                found = os.stat(path)  # noqa: PTH116 - paths are text here
            except OSError as error:
                self._note(path, "unreadable", str(error))
                continue
            yield Candidate(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def _is_mentioned(self) -> bool:
        try:
            with self.path.open("rb") as file:
                return seems_to_hold_specs(file.read(_HEAD))
        except OSError:
            return False

    def _single(self) -> Iterator[SpackFile]:
        data = self._read(str(self.path))
        if data is not None:
            yield self._with_blobs(SpackFile(self._name, data))

    # Trees of directories.

    def _file(self, path: str) -> Iterator[SpackFile]:
        data = self._read(path)
        if data is not None and (is_certain(path) or seems_to_hold_specs(data)):
            yield self._with_blobs(SpackFile(path, data))

    def _paths(self, directory: str, depth: int) -> Iterator[str]:
        """Give the paths to look at, in order; links and execution directories are passed over."""
        if depth > self._budgets.depth:
            detail = f"more than {self._budgets.depth} directories deep (CASELEDGER_MAX_DEPTH)"
            self._note(directory, "too_deep", detail)
            return
        try:
            with os.scandir(directory) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self._note(directory, "unreadable", str(error))
            return
        metadata = [entry for entry in entries if entry.name == METADATA]
        if metadata and is_prefix(Path(directory)):
            entries = metadata
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in UNSEEN and parse_lid(entry.name) is None:
                    yield from self._paths(entry.path, depth + 1)
            elif _is_called_so(entry.path.split("/")) and entry.is_file(follow_symlinks=False):
                yield entry.path

    def _read(self, path: str) -> bytes | None:
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - paths are text here
                data = file.read(self._limit + 1)
        except OSError as error:
            self._note(path, "unreadable", str(error))
            return None
        return self._limited(path, data)

    def _limited(self, path: str, data: bytes) -> bytes | None:
        if len(data) <= self._limit:
            return data
        detail = f"it has more than {self._limit} bytes (CASELEDGER_MAX_FILE_MIB)"
        self._note(path, "too_large", detail)
        return None

    def _with_blobs(self, file: SpackFile) -> SpackFile:
        for checksum, path in blob_paths(file).items():
            data = self._read(path) if Path(path).is_file() else None
            if data is not None:
                file.blobs[checksum] = data
        return file

    # Archives.

    def _archive(self, new_walk: ReaderFactory) -> Iterator[SpackFile]:
        """Give the files of an archive; manifests come last, after a second way through."""
        waiting: list[SpackFile] = []
        try:
            for name, data in self._members(new_walk):
                file = SpackFile(self._shown(name), data)
                if f"/{name}".rpartition(_MANIFESTS)[1]:
                    waiting.append(file)
                elif is_certain(name) or seems_to_hold_specs(data):
                    yield file
            if waiting:
                self._find_blobs(new_walk, waiting)
        except (ArchiveError, OSError) as error:
            reason = error.reason if isinstance(error, ArchiveError) else "unreadable"
            self._note(str(self.path), reason, str(error))
        yield from waiting

    def _members(
        self, new_walk: ReaderFactory, wanted: Sequence[str] = ()
    ) -> Iterator[tuple[str, bytes]]:
        """Give the members that are worth a look, or those that end as `wanted`."""
        with self.path.open("rb") as file:
            walk = new_walk(file, self._budgets)
            for member in walk.members():
                name = member.name.removeprefix("./")
                is_wanted = name.endswith(tuple(wanted)) if wanted else may_hold_specs(name)
                if member.target is None and is_wanted and ".." not in name.split("/"):
                    data = walk.read(self._limit + 1)
                    if data is not None and self._limited(self._shown(name), data) is not None:
                        yield name, data

    def _find_blobs(self, new_walk: ReaderFactory, manifests: Sequence[SpackFile]) -> None:
        wanted: dict[str, list[tuple[SpackFile, str]]] = {}
        for file in manifests:
            root = file.path.removeprefix(self._shown("")).rpartition(_MANIFESTS[1:])[0]
            for blob in named_blobs(file):
                wanted.setdefault(f"{root}{blob.path}", []).append((file, blob.checksum))
        held = 0
        for name, data in self._members(new_walk, list(wanted)) if wanted else ():
            held += len(data)
            if held > self._budgets.execution_bytes:
                self._note(self._shown(name), "over_budget", "the blobs take too much memory")
                return
            for file, checksum in wanted.get(name, ()):
                file.blobs[checksum] = data

    def _shown(self, name: str) -> str:
        return f"{self._name}!{name}"

    def _note(self, path: str, reason: str, detail: str) -> None:
        self.damages.append(Damage(path, reason, detail))


def blob_paths(file: SpackFile) -> dict[str, str]:
    """Return where the blobs with specs are that a manifest in a build cache names, by checksum."""
    root, found, _ = file.path.rpartition(_MANIFESTS)
    return {blob.checksum: f"{root}/{blob.path}" for blob in named_blobs(file)} if found else {}


def named_blobs(file: SpackFile) -> list[Blob]:
    """Return the blobs with specs that a manifest names."""
    found: list[Blob] = []

    def note(blob: Blob) -> bytes | None:
        found.append(blob)
        return None

    for _ in read(file.data, file.path, fetch=note):
        pass
    return found
