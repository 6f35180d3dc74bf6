"""The files of specs and builds on this machine, packed as an import elsewhere needs them."""

import os
from collections.abc import Iterator
from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.builds.sources import DirectoryPlace
from ingest.remote.tar_bundle import Bundle, Member
from ingest.specs.discover import UNSEEN, Candidate, SpackFile, SpackFiles, blob_paths
from models.cases.lid import parse_lid
from models.errors import SourceError
from models.ingestions.damage import Damage
from models.spack.prefix import METADATA


class SoftwareFiles:
    """What an import of a directory or a single file would read of specs and builds."""

    def __init__(self, path: Path, budgets: Budgets, limit: int) -> None:
        self._specs = SpackFiles(path, budgets, limit)
        self._builds = DirectoryPlace(path, budgets)
        self._left_out = _left_out(path)

    @property
    def damages(self) -> list[Damage]:
        """What could not be read."""
        return [*self._specs.damages, *self._builds.damages]

    def parcels(self) -> Iterator[Bundle]:
        """Give the files of specs, and then those of builds, each with what belongs to it.

        A spec that lies among the files of a build comes with these. SourceError when the path is
        a file of another kind.
        """
        builds = list(self._parcels_of_builds())
        taken = {member.source for parcel in builds for member in parcel.members}
        try:
            for place in self._specs.places():
                if Path(place.path) not in taken:
                    for file in self._specs.files(place):
                        yield self._parcel_of_spec(place, file)
        except SourceError:
            if not builds:
                raise
        yield from builds

    def _parcel_of_spec(self, place: Candidate, file: SpackFile) -> Bundle:
        """Return a file with its blobs; where one of them is a link, what that leads to."""
        blobs = (
            self._member(Path(path), len(file.blobs[checksum]), 0)
            for checksum, path in blob_paths(file).items()
            if checksum in file.blobs
        )
        own = self._member(Path(place.path), place.size, place.modified // 10**9)
        members = (each._replace(source=each.source and each.source.resolve())
                   for each in (own, *blobs))  # fmt: skip
        return Bundle(place.path, tuple(members))

    def _parcels_of_builds(self) -> Iterator[Bundle]:
        for unit in self._builds.units():
            members = (
                self._member(self._builds.located(at), at.size, at.modified) for _, at in unit.files
            )
            yield Bundle(self._builds.shown(unit.path), tuple(members))

    def _member(self, path: Path, size: int, modified: int) -> Member:
        name = str(path).removeprefix(self._left_out).lstrip("/")
        return Member(name, path, size, modified)


def _left_out(path: Path) -> str:
    """Return the directories above whose names would have an import pass over what is below."""
    parts = os.path.abspath(path).split("/")  # noqa: PTH100 - resolve() would follow links
    folders = parts if path.is_dir() else parts[:-1]
    hiding = (
        number
        for number, name in enumerate(folders, 1)
        if name in UNSEEN
        or parse_lid(name) is not None
        or (name == METADATA and number < len(folders))
    )
    return "/".join(folders[: max(hiding, default=0)])
