"""SpecSource: a file that an import has read whole, so that the next one need not open it.

Deleting a spec clears this collection, so that the next import reads every file again. A token that
changes with each deletion tells concurrent importers that their records may be stale.
"""

import uuid
from collections.abc import Collection, Sequence

from models.database.client import Database
from models.database.types import Json

_DELETIONS_ID = "deletions"


async def deletions_token(database: Database) -> str | None:
    """Return a token that changes with every deletion of a spec."""
    mark = await database.spec_sources.find_one({"_id": _DELETIONS_ID})
    return None if mark is None else str(mark["token"])


async def forget_sources(database: Database) -> None:
    """Forget all files, so that the next import reads each of them again."""
    sources = database.spec_sources
    await sources.upsert([{"_id": _DELETIONS_ID, "token": uuid.uuid4().hex}])
    await sources.delete({"_id": {"$ne": _DELETIONS_ID}})


async def find_sources(database: Database, source_ids: Collection[str]) -> list[Json]:
    """Return the files of these ids that were read whole before."""
    return await database.spec_sources.find({"_id": {"$in": sorted(source_ids)}})


async def save_sources(database: Database, sources: Sequence[Json], token: str | None) -> None:
    """Store files that were read whole; `token` is the deletions token from before they were read.

    When specs have been deleted since, they are forgotten again: some may be in these files.
    """
    if not sources:
        return
    await database.spec_sources.upsert(sources)
    if await deletions_token(database) != token:
        await database.spec_sources.delete({"_id": {"$in": [source["_id"] for source in sources]}})
