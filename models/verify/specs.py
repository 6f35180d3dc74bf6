"""Verification of specs: none lacks a node that is stored, and closures follow from edges."""

from collections.abc import AsyncIterator

from models.database.client import Database
from models.specs.completion import (
    COMPLETION_BATCH_SIZE,
    INCOMPLETE_SPECS,
    complete_batch,
    find_completions,
)
from models.specs.stored_closure import (
    CLOSURE_BATCH_SIZE,
    batches_of_ids,
    find_outdated,
    write_closures,
)
from models.verify.difference import Difference


async def verify_specs(database: Database, *, repair: bool = False) -> AsyncIterator[Difference]:
    """Yield the specs whose dependencies are not what is stored of them; `repair` corrects them.

    They lack nodes that are stored, or an earlier version has derived their closures in another
    way. What was repaired remains when this is interrupted.
    """
    async for ids in batches_of_ids(database, INCOMPLETE_SPECS, COMPLETION_BATCH_SIZE):
        for update in await find_completions(database, ids):
            yield Difference("specs", update.query["_id"], "dependencies")
        if repair:
            await complete_batch(database, ids)
    async for ids in batches_of_ids(database, {"tombstone": None}, CLOSURE_BATCH_SIZE):
        updates = await find_outdated(database, ids)
        for update in updates:
            yield Difference("specs", update.query["_id"], "dependencies")
        if repair:
            await write_closures(database, updates)
