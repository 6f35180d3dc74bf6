"""Imports that are under way say so every few seconds: one that no longer does was killed.

All times are those of the database server, whatever the clocks of importers tell.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from models.database.collection import Collection
from models.errors import DatabaseError

_BEAT_SECONDS = 15.0
_SILENT_MILLISECONDS = 120_000


@asynccontextmanager
async def heartbeat(ingestions: Collection, ingestion_id: str) -> AsyncIterator[None]:
    """Say that an import is under way as long as the body is, if it has a record."""
    beating = asyncio.create_task(_beat(ingestions, ingestion_id))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.wait([beating])


async def _beat(ingestions: Collection, ingestion_id: str) -> None:
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        with suppress(DatabaseError):  # the import itself finds out what is wrong
            await ingestions.update({"_id": ingestion_id}, {"$currentDate": {"aliveAt": True}})


async def end_killed(ingestions: Collection) -> int:
    """Have the records of imports that were killed say `interrupted`; return how many there are."""
    is_silent = {"$lt": ["$aliveAt", {"$subtract": ["$$NOW", _SILENT_MILLISECONDS]}]}
    return await ingestions.update_all(
        {"status": {"$in": ["queued", "running"]}, "$expr": is_silent},
        [{"$set": {"status": "interrupted", "finishedAt": "$aliveAt"}}],
    )
