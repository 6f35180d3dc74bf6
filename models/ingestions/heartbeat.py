"""Heartbeats: running imports renew their records, so that killed ones can be recognized.

    running import    updates `aliveAt` every 15 seconds
    killed import     has an `aliveAt` older than 2 minutes -> `interrupted`

All times are those of the database server, because the clocks of importers may differ.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from models.database.collection import Collection
from models.errors import DatabaseError
from models.tasks import cancel_and_wait

_BEAT_SECONDS = 15.0
_SILENT_MILLISECONDS = 120_000


@asynccontextmanager
async def heartbeat(ingestions: Collection, ingestion_id: str) -> AsyncIterator[None]:
    """Renew the record of an import, if it has one, as long as the body runs."""
    task = asyncio.create_task(_beat(ingestions, ingestion_id))
    try:
        yield
    finally:
        await cancel_and_wait([task])


async def _beat(ingestions: Collection, ingestion_id: str) -> None:
    while True:  # at once, because the record begins with the time of another clock
        with suppress(DatabaseError):  # the import itself meets the same error and reports it
            await ingestions.update({"_id": ingestion_id}, {"$currentDate": {"aliveAt": True}})
        await asyncio.sleep(_BEAT_SECONDS)


async def end_killed(ingestions: Collection) -> int:
    """Set the status of killed imports to `interrupted`; return how many there were."""
    is_silent = {"$lt": ["$aliveAt", {"$subtract": ["$$NOW", _SILENT_MILLISECONDS]}]}
    return await ingestions.update_all(
        {"status": {"$in": ["queued", "running"]}, "$expr": is_silent},
        [{"$set": {"status": "interrupted", "finishedAt": "$aliveAt"}}],
    )
