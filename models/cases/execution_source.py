"""ExecutionSource: an execution directory that was listed, so that this need not be done again.

A file that comes, goes or is renamed changes the times of its directory: while these are the same,
so are the names of the files. That is enough for an execution which is recorded whole.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from beanie import Document
from pydantic import Field

from models.base import Stored
from models.database.client import Database
from models.database.types import Index, Json

_KEPT_SECONDS = 30 * 24 * 3600
"""After which it is listed once more, and directories are forgotten that are no longer there."""


class SourceFolder(Stored):
    """A directory with files of an execution, by its name in that of the execution, or empty.

    `modified` and `changed` are its times, in nanoseconds since the epoch.
    """

    name: str
    modified: int
    changed: int


class ExecutionSource(Document):
    """A document of the collection `executionSources`; `_id` is a digest of the path.

    `fingerprint`, `file_count` and `files_modified` are what its files came to.
    """

    model_config = Stored.model_config

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    directory: str
    folders: list[SourceFolder]
    fingerprint: str
    file_count: int
    files_modified: int
    listed_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "executionSources"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("listedAt", 1)], name="listedAt", expireAfterSeconds=_KEPT_SECONDS)
        ]


async def find_sources(database: Database, source_ids: Sequence[str]) -> list[Json]:
    """Return the directories of these ids that were listed before."""
    if not source_ids:
        return []
    return await database.execution_sources.find({"_id": {"$in": sorted(source_ids)}})


async def save_sources(database: Database, sources: Sequence[Json]) -> None:
    """Store how directories were listed, replacing what was stored of the same ones."""
    if sources:
        await database.execution_sources.upsert(sources)
