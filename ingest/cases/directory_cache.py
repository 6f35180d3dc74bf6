"""Which execution directories need not even be listed, because they are as they were."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ingest.archives.paths import path_digest, storable_path
from ingest.cases.sources.base import (
    DirectoryTimes,
    ExecutionDirectory,
    ExecutionPath,
    FilesSummary,
)
from models.database.client import Database
from models.redaction.text import masked_text

_BATCH = 256
_MOST_FOLDERS = 64
_TIMES = range(-(2**63), 2**63)  # that MongoDB can store


class DirectoryCache:
    """The directories that imports have listed, and those that this one lists.

    With `relist` all are to be listed, whatever imports have done before.
    """

    def __init__(self, database: Database, *, relist: bool = False) -> None:
        self._sources = database.execution_sources
        self._again = relist
        self._new: list[dict[str, Any]] = []

    async def find(self, places: Sequence[ExecutionPath]) -> dict[str, ExecutionDirectory]:
        """Return by path what these directories were when they were listed last."""
        by_id = {} if self._again else {path_digest(place.path): place for place in places}
        known = await self._sources.find({"_id": {"$in": sorted(by_id)}}) if by_id else []
        found = (_as_listed(by_id[each["_id"]], each) for each in known)
        return {each.path: each for each in found}

    async def remember(self, directory: ExecutionDirectory) -> None:
        """Note how a directory was listed, if that tells of all that comes later."""
        folders = directory.folders
        if 0 < len(folders) <= _MOST_FOLDERS and all(map(_is_storable, folders)):
            self._new.append(_document(directory))
        if len(self._new) >= _BATCH:
            await self.save()

    async def save(self) -> None:
        """Store what was noted; what is not is listed again the next time."""
        new, self._new = self._new, []
        if new:
            await self._sources.upsert(new)


def _as_listed(place: ExecutionPath, known: dict[str, Any]) -> ExecutionDirectory:
    summary = FilesSummary(known["fingerprint"], known["fileCount"], known["filesModified"])
    folders = (
        DirectoryTimes(each["name"], each["modified"], each["changed"]) for each in known["folders"]
    )
    return ExecutionDirectory(place.path, place.location, (), summary, tuple(folders))


def _document(directory: ExecutionDirectory) -> dict[str, Any]:
    summary = directory.files_summary
    return {
        "_id": path_digest(directory.path),
        "directory": masked_text(storable_path(directory.path)),
        "folders": [folder._asdict() for folder in directory.folders],
        "fingerprint": summary.fingerprint,
        "fileCount": summary.file_count,
        "filesModified": summary.modified,
        "listedAt": datetime.now(UTC),
    }


def _is_storable(folder: DirectoryTimes) -> bool:
    is_text = storable_path(folder.name) == folder.name
    return is_text and folder.modified in _TIMES and folder.changed in _TIMES
