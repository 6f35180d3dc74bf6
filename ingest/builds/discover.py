"""What builds left among the files of a directory or of an archive, told by their names. Pure.

An installation is known by its `.spack` with a spec, a stage and the log of a failed build by
`spack-stage-`, the stage of `spack test` by its results, and the directory of the old monitor by
its metadata files. XML files may be reports; what they hold tells.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ingest.builds.formats.install_tree import find_install_trees
from ingest.builds.formats.suite_stage import RESULTS, SUITE
from ingest.builds.logs.phases import phase_of_log
from models.spack.prefix import METADATA

UnitKind = Literal["install_tree", "stage", "log", "reports", "test_stage", "monitor"]

STAGE_PREFIX = "spack-stage-"
_LOG_SUFFIXES = (".log", ".log.gz")
_READ = re.compile(
    r"(?:spec\.(?:json|yaml)|install_(?:manifest|environment|times)\.json|spack-build(?:-.*)?\.txt"
    r"|(?:spack-)?build\.out|spack-configure-args\.txt|install-time-test-log\.txt)(?:\.gz)?"
)
_RECIPE = re.compile(r"repos/(?:spack_repo/)?[^/]+/packages/[^/]+/package\.py")
_TESTS = re.compile(rf"{re.escape(RESULTS)}|{re.escape(SUITE)}|.+-test(?:-out|ed)\.txt")
_MONITOR = re.compile(r"(?:spec-.+|build-metadata-.+|build-[0-9a-f]+-(?:phase-.+|status))\.json")
_MONITOR_MARK = "build-metadata-"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file by its path below the source; `number` counts the members of an archive."""

    path: str
    size: int
    modified: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """What is read together: `files` by their paths below `path`, or by name when it is a file."""

    kind: UnitKind
    path: str
    files: tuple[tuple[str, Listed], ...]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def fingerprint(self, place: str) -> str:
        """Return a digest of where the files lie, their sizes and times."""
        digest = hashlib.sha256(f"{place}\0{self.kind}\0{self.path}\n".encode("utf-8", "replace"))
        for name, listed in sorted(self.files):
            told = f"{name}\0{listed.size}\0{listed.modified}\n"
            digest.update(told.encode("utf-8", "replace"))
        return digest.hexdigest()[:32]


def is_of_build(path: str) -> bool:
    """Tell whether a file may belong to what a build left, so that it is worth listing."""
    _, mark, rest = f"/{path}".rpartition(f"/{METADATA}/")
    if mark:
        return _READ.fullmatch(rest) is not None or _RECIPE.fullmatch(rest) is not None
    parent, name = _split(path)
    return (
        (_split(parent)[1].startswith(STAGE_PREFIX) and _READ.fullmatch(name) is not None)
        or _is_log(name)
        or name.endswith(".xml")
        or _TESTS.fullmatch(name) is not None
        or _MONITOR.fullmatch(name) is not None
    )


def find_units(files: Iterable[Listed]) -> list[Unit]:
    """Return what is to be read, in the order of the paths; of files with one path the last."""
    listed = {file.path: file for file in files if is_of_build(file.path)}
    return sorted(_units(listed), key=lambda unit: (unit.path, unit.kind))


def _units(listed: dict[str, Listed]) -> Iterator[Unit]:
    for prefix, names in find_install_trees(listed).items():
        at = f"{prefix}/{METADATA}/".lstrip("/")
        yield Unit("install_tree", prefix, tuple((n, listed[at + n]) for n in names))
    directories: dict[str, list[str]] = {}
    for path in listed:
        parent, name = _split(path)
        if f"/{METADATA}/" not in f"/{path}":
            directories.setdefault(parent, []).append(name)
    for directory, names in directories.items():
        yield from _units_of_directory(directory, names, listed)


def _units_of_directory(
    directory: str, names: list[str], listed: dict[str, Listed]
) -> Iterator[Unit]:
    def unit(kind: UnitKind, own: Iterable[str]) -> Unit:
        return Unit(kind, directory, tuple((n, listed[_joined(directory, n)]) for n in own))

    in_stage = [name for name in names if _READ.fullmatch(name)]
    if _split(directory)[1].startswith(STAGE_PREFIX) and any(map(_is_output, in_stage)):
        yield unit("stage", in_stage)
    for name in filter(_is_log, names):
        path = _joined(directory, name)
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


def _joined(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name
