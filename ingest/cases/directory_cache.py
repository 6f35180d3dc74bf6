"""The directories that imports have listed: an unchanged one need not be listed again."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ingest.archives.paths import path_digest, storable_path
from ingest.cases.sources.base import (
    DirectoryTimes,
    ExecutionDirectory,
    ExecutionPath,
    FilesSummary,
)
from models.cases.execution_source import find_sources, save_sources
from models.database.client import Database
from models.database.types import Json
from models.redaction.text import masked_text

_BATCH_SIZE = 256
_MAX_FOLDERS = 64
_STORABLE_TIMES = range(-(2**63), 2**63)  # MongoDB stores integers of 64 bits


class DirectoryCache:
    """Remembers the times of listed directories across imports, in the database.

    With `relist`, `find` returns nothing, so that every directory is listed again.
    """

    def __init__(self, database: Database, *, relist: bool = False) -> None:
        self._database = database
        self._relist = relist
        self._unsaved: list[Json] = []

    async def find(self, places: Sequence[ExecutionPath]) -> dict[str, ExecutionDirectory]:
        """Return these directories as they were when they were last listed, by path."""
        by_id = {} if self._relist else {path_digest(place.path): place for place in places}
        documents = await find_sources(self._database, list(by_id))
        directories = (_directory(by_id[document["_id"]], document) for document in documents)
        return {directory.path: directory for directory in directories}

    async def remember(self, directory: ExecutionDirectory) -> None:
        """Remember a directory's times, unless they are too recent to reveal a later change."""
        folders = directory.folders
        if 0 < len(folders) <= _MAX_FOLDERS and all(map(_is_storable, folders)):
            self._unsaved.append(_document(directory))
        if len(self._unsaved) >= _BATCH_SIZE:
            await self.save()

    async def save(self) -> None:
        """Store what was remembered; anything lost before that only has to be listed again."""
        unsaved, self._unsaved = self._unsaved, []
        await save_sources(self._database, unsaved)


def _directory(place: ExecutionPath, document: Json) -> ExecutionDirectory:
    summary = FilesSummary(
        document["fingerprint"], document["fileCount"], document["filesModified"]
    )
    folders = (
        DirectoryTimes(folder["name"], folder["modified"], folder["changed"])
        for folder in document["folders"]
    )
    return ExecutionDirectory(place.path, place.location, (), summary, tuple(folders))


def _document(directory: ExecutionDirectory) -> Json:
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
    return is_text and folder.modified in _STORABLE_TIMES and folder.changed in _STORABLE_TIMES
