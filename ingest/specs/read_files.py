"""Which files of Spack need not be opened, because an import has taken them as they are."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ingest.archives.paths import path_digest
from ingest.specs.discover import Candidate
from models.database.client import Database
from models.redaction.text import masked_text
from models.specs.spec_source import deletions_mark
from models.version import VERSION


class ReadFiles:
    """The files that imports have taken whole, and those that this one takes."""

    def __init__(self, database: Database, ingestion_id: str) -> None:
        self._database = database
        self._sources = database.spec_sources
        self._ingestion_id = ingestion_id
        self._mark: str | None = None
        self._is_marked = False

    async def find(self, places: Sequence[Candidate]) -> dict[Candidate, int]:
        """Return how many items each of these files has that is as it was when it was taken."""
        if not self._is_marked:
            self._mark, self._is_marked = await deletions_mark(self._database), True
        by_id = {path_digest(place.path): place for place in places}
        found = await self._sources.find({"_id": {"$in": sorted(by_id)}})
        return {
            place: known["items"]
            for known in found
            if (place := by_id[known["_id"]]) and _state(place).items() <= known.items()
        }

    async def remember(self, taken: Iterable[tuple[Candidate, int]]) -> None:
        """Note files that have been taken whole, with the numbers of their items.

        When specs were deleted meanwhile, the next import has to look whether they are of these.
        """
        documents = [self._document(place, items) for place, items in taken]
        if not documents:
            return
        await self._sources.upsert(documents)
        if await deletions_mark(self._database) != self._mark:
            ids = [each["_id"] for each in documents]
            await self._sources.delete({"_id": {"$in": ids}})

    def _document(self, place: Candidate, items: int) -> dict[str, Any]:
        return {
            "_id": path_digest(place.path),
            "file": masked_text(place.path),
            **_state(place),
            "items": items,
            "ingestionId": self._ingestion_id,
            "readAt": datetime.now(UTC),
        }


def _state(place: Candidate) -> dict[str, Any]:
    return {
        "size": place.size,
        "modified": place.modified,
        "changed": place.changed,
        "reader": VERSION,
    }
