"""The files of specs and builds on this machine, in bundles for an import elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.archives.walk import FileStat
from ingest.builds.sources import DirectoryBuildFileSource
from ingest.remote.tar_bundle import Bundle, BundleMember
from ingest.specs.discover import SKIPPED_DIRECTORIES, SpackFile, SpackFiles, blob_paths
from models.cases.lid import parse_lid
from models.errors import SourceError
from models.ingestions.damage import Damage
from models.spack.prefix import METADATA


class SoftwareFiles:
    """The files of specs and builds that an import of a directory or a single file would read."""

    def __init__(self, path: Path, budgets: Budgets, limit: int) -> None:
        self._specs = SpackFiles(path, budgets, limit)
        self._builds = DirectoryBuildFileSource(path, budgets)
        self._prefix = _prefix_to_strip(path)

    @property
    def damages(self) -> list[Damage]:
        """The damages that were found while the bundles were made."""
        return [*self._specs.damages, *self._builds.damages]

    def bundles(self) -> Iterator[Bundle]:
        """Yield the files of specs, then those of builds, each with the files that it needs.

        A spec among the files of a build comes with these. Raise SourceError when the path is a
        file of another kind.
        """
        builds = list(self._build_bundles())
        taken = {member.source for bundle in builds for member in bundle.members}
        try:
            for candidate in self._specs.candidates():
                if Path(candidate.path) not in taken:
                    for file in self._specs.files(candidate):
                        yield self._spec_bundle(candidate, file)
        except SourceError:
            if not builds:
                raise
        yield from builds

    def _spec_bundle(self, candidate: FileStat, file: SpackFile) -> Bundle:
        """Return a file with its blobs; symbolic links among them are resolved."""
        blobs = (
            self._member(Path(path), len(file.blobs[checksum]), 0)
            for checksum, path in blob_paths(file).items()
            if checksum in file.blobs
        )
        main = self._member(Path(candidate.path), candidate.size, candidate.modified // 10**9)
        members = (
            member._replace(source=member.source and member.source.resolve())
            for member in (main, *blobs)
        )
        return Bundle(candidate.path, tuple(members))

    def _build_bundles(self) -> Iterator[Bundle]:
        for unit in self._builds.units():
            members = (
                self._member(self._builds.file_path(at), at.size, at.modified)
                for _, at in unit.files
            )
            yield Bundle(self._builds.display_path(unit.path), tuple(members))

    def _member(self, path: Path, size: int, modified: int) -> BundleMember:
        name = str(path).removeprefix(self._prefix).lstrip("/")
        return BundleMember(name, path, size, modified)


def _prefix_to_strip(path: Path) -> str:
    """Return the leading part of the path to strip: it ends in a name that imports skip.

    It is empty when no directory above the files has such a name.
    """
    parts = os.path.abspath(path).split("/")  # noqa: PTH100 - resolve() would follow links
    folders = parts if path.is_dir() else parts[:-1]
    skipped = (
        number
        for number, name in enumerate(folders, 1)
        if name in SKIPPED_DIRECTORIES
        or parse_lid(name) is not None
        or (name == METADATA and number < len(folders))
    )
    return "/".join(folders[: max(skipped, default=0)])
