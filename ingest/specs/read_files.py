"""The files of Spack that imports have read whole: an unchanged one need not be opened again."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ingest.archives.paths import path_digest
from ingest.specs.discover import Candidate
from models.database.client import Database
from models.database.types import Json
from models.redaction.text import masked_text
from models.specs.spec_source import deletions_token, find_sources, save_sources
from models.version import VERSION


class ReadFiles:
    """The files that imports have read whole, and those that this one reads."""

    def __init__(self, database: Database, ingestion_id: str) -> None:
        self._database = database
        self._ingestion_id = ingestion_id
        self._token: str | None = None
        self._has_token = False

    async def find(self, places: Sequence[Candidate]) -> dict[Candidate, int]:
        """Return the numbers of items of those files that have not changed since they were read."""
        if not self._has_token:
            self._token, self._has_token = await deletions_token(self._database), True
        by_id = {path_digest(place.path): place for place in places}
        return {
            place: known["items"]
            for known in await find_sources(self._database, by_id.keys())
            if (place := by_id[known["_id"]]) and _state(place).items() <= known.items()
        }

    async def remember(self, read: Iterable[tuple[Candidate, int]]) -> None:
        """Remember files that were read whole, with the numbers of their items."""
        documents = [self._document(place, items) for place, items in read]
        await save_sources(self._database, documents, self._token)

    def _document(self, place: Candidate, items: int) -> Json:
        return {
            "_id": path_digest(place.path),
            "file": masked_text(place.path),
            **_state(place),
            "items": items,
            "ingestionId": self._ingestion_id,
            "readAt": datetime.now(UTC),
        }


def _state(place: Candidate) -> Json:
    return {
        "size": place.size,
        "modified": place.modified,
        "changed": place.changed,
        "reader": VERSION,
    }
