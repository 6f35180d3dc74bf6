"""Files of Spack that imports have read whole: unchanged ones need not be opened again."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ingest.archives.paths import path_digest
from ingest.archives.walk import FileStat
from models.database.client import Database
from models.database.types import Json
from models.redaction.text import masked_text
from models.specs.spec_source import deletions_token, find_sources, save_sources
from models.version import VERSION


class ReadFiles:
    """The files that earlier imports read whole, to which those of this import are added."""

    def __init__(self, database: Database, ingestion_id: str) -> None:
        self._database = database
        self._ingestion_id = ingestion_id
        self._token: str | None = None
        self._has_token = False

    async def find(self, places: Sequence[FileStat]) -> dict[FileStat, int]:
        """Return the files that have not changed since they were read, with their item counts."""
        if not self._has_token:
            self._token, self._has_token = await deletions_token(self._database), True
        by_id = {path_digest(place.path): place for place in places}
        return {
            place: source["items"]
            for source in await find_sources(self._database, by_id.keys())
            if (place := by_id[source["_id"]]) and _state(place).items() <= source.items()
        }

    async def remember(self, read: Iterable[tuple[FileStat, int]]) -> None:
        """Store files that were read whole, with their item counts."""
        documents = [self._document(place, items) for place, items in read]
        await save_sources(self._database, documents, self._token)

    def _document(self, place: FileStat, items: int) -> Json:
        return {
            "_id": path_digest(place.path),
            "file": masked_text(place.path),
            **_state(place),
            "items": items,
            "ingestionId": self._ingestion_id,
            "readAt": datetime.now(UTC),
        }


def _state(place: FileStat) -> Json:
    return {
        "size": place.size,
        "modified": place.modified,
        "changed": place.changed,
        "reader": VERSION,
    }
