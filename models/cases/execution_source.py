"""ExecutionSource: an execution directory that was listed, so that it need not be listed again.

A file that is added, removed or renamed changes the times of its directory: while the times stay
the same, so do the names of the files. That is enough for an execution that is recorded whole.
"""

from collections.abc import Sequence

from models.base import Stored
from models.database.client import Database
from models.database.types import Json

KEPT_SECONDS = 30 * 24 * 3600
"""After this time, a directory is forgotten: it is listed again if it still exists."""


class SourceFolder(Stored):
    """A directory with files of an execution.

    `name` is relative to the execution directory, and empty for that itself. `modified` and
    `changed` are its times, in nanoseconds since the epoch.
    """

    name: str
    modified: int
    changed: int


async def find_sources(database: Database, source_ids: Sequence[str]) -> list[Json]:
    """Return the directories of these ids that were listed before."""
    if not source_ids:
        return []
    return await database.execution_sources.find({"_id": {"$in": sorted(source_ids)}})


async def save_sources(database: Database, sources: Sequence[Json]) -> None:
    """Store directories that were listed, replacing what was stored of the same ones."""
    if sources:
        await database.execution_sources.upsert(sources)
