"""Units: the files of a directory or an archive that describe builds, found by their names. Pure.

install_tree   the files of a `.spack` that contains a spec
stage          the files of a directory `spack-stage-...`
log            a log `spack-stage-....log` of a failed build
reports        the XML files of a directory; only their content shows whether they are reports
test_stage     the files of `spack test run`, beside its results
monitor        the files of the old monitor, beside its metadata
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ingest.builds.file_names import RESULTS, SUITE, find_install_trees, phase_of_log
from models.spack.prefix import METADATA

UnitKind = Literal["install_tree", "stage", "log", "reports", "test_stage", "monitor"]

STAGE_PREFIX = "spack-stage-"
_LOG_SUFFIXES = (".log", ".log.gz")
_METADATA_FILE = re.compile(
    r"(?:spec\.(?:json|yaml)|install_(?:manifest|environment|times)\.json|spack-build(?:-.*)?\.txt"
    r"|(?:spack-)?build\.out|spack-configure-args\.txt|install-time-test-log\.txt)(?:\.gz)?"
)
_RECIPE = re.compile(r"repos/(?:spack_repo/)?[^/]+/packages/[^/]+/package\.py")
_TESTS = re.compile(rf"{re.escape(RESULTS)}|{re.escape(SUITE)}|.+-test(?:-out|ed)\.txt")
_MONITOR = re.compile(r"(?:spec-.+|build-metadata-.+|build-[0-9a-f]+-(?:phase-.+|status))\.json")
_MONITOR_MARK = "build-metadata-"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file; `path` is relative to the source, `number` is the position in an archive, from 0.

    `modified` is in seconds since 1970.
    """

    path: str
    size: int
    modified: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """Files that are read together.

    The names in `files` are paths below `path`, or the name of the file when `path` is a file.
    """

    kind: UnitKind
    path: str
    files: tuple[tuple[str, ListedFile], ...]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def fingerprint(self, source: str) -> str:
        """Return a digest of the paths, sizes and times of the files; `source` contains them."""
        digest = hashlib.sha256(f"{source}\0{self.kind}\0{self.path}\n".encode("utf-8", "replace"))
        for name, file in sorted(self.files):
            state = f"{name}\0{file.size}\0{file.modified}\n"
            digest.update(state.encode("utf-8", "replace"))
        return digest.hexdigest()[:32]


def is_of_build(path: str) -> bool:
    """Return whether a file may describe a build, so that it has to be listed."""
    _, mark, rest = f"/{path}".rpartition(f"/{METADATA}/")
    if mark:
        return _METADATA_FILE.fullmatch(rest) is not None or _RECIPE.fullmatch(rest) is not None
    parent, name = _split(path)
    return (
        (_split(parent)[1].startswith(STAGE_PREFIX) and _METADATA_FILE.fullmatch(name) is not None)
        or _is_log(name)
        or name.endswith(".xml")
        or _TESTS.fullmatch(name) is not None
        or _MONITOR.fullmatch(name) is not None
    )


def find_units(files: Iterable[ListedFile]) -> list[Unit]:
    """Return the units, sorted by path; of files with the same path, the last one counts."""
    listed = {file.path: file for file in files if is_of_build(file.path)}
    return sorted(_units(listed), key=lambda unit: (unit.path, unit.kind))


def _units(listed: dict[str, ListedFile]) -> Iterator[Unit]:
    for prefix, names in find_install_trees(listed).items():
        start = f"{prefix}/{METADATA}/".lstrip("/")
        files = tuple((name, listed[start + name]) for name in names)
        yield Unit("install_tree", prefix, files)
    directories: dict[str, list[str]] = {}
    for path in listed:
        parent, name = _split(path)
        if f"/{METADATA}/" not in f"/{path}":
            directories.setdefault(parent, []).append(name)
    for directory, names in directories.items():
        yield from _units_of_directory(directory, names, listed)


def _units_of_directory(
    directory: str, names: list[str], listed: dict[str, ListedFile]
) -> Iterator[Unit]:
    def unit(kind: UnitKind, of_unit: Iterable[str]) -> Unit:
        files = tuple((name, listed[_join(directory, name)]) for name in of_unit)
        return Unit(kind, directory, files)

    in_stage = [name for name in names if _METADATA_FILE.fullmatch(name)]
    if _split(directory)[1].startswith(STAGE_PREFIX) and any(map(_is_output, in_stage)):
        yield unit("stage", in_stage)
    for name in filter(_is_log, names):
        path = _join(directory, name)
        yield Unit("log", path, ((name, listed[path]),))
    if reports := [name for name in names if name.endswith(".xml")]:
        yield unit("reports", reports)
    if any(name in {RESULTS, SUITE} for name in names):
        yield unit("test_stage", filter(_TESTS.fullmatch, names))
    if any(name.startswith(_MONITOR_MARK) for name in names):
        yield unit("monitor", filter(_MONITOR.fullmatch, names))


def _is_log(name: str) -> bool:
    return name.startswith(STAGE_PREFIX) and name.endswith(_LOG_SUFFIXES)


def _is_output(name: str) -> bool:
    return phase_of_log(name) is not None or "build-out" in name or "build.out" in name


def _split(path: str) -> tuple[str, str]:
    parent, _, name = path.rpartition("/")
    return parent, name


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name
