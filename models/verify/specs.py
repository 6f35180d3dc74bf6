"""Verification of specs: none lacks a node that is stored."""

from collections.abc import AsyncIterator

from models.database.client import Database
from models.specs.completion import (
    COMPLETION_BATCH_SIZE,
    INCOMPLETE_SPECS,
    complete_batch,
    find_completions,
)
from models.verify.difference import Difference


async def verify_specs(database: Database, *, repair: bool = False) -> AsyncIterator[Difference]:
    """Yield the specs that lack nodes which are stored; with `repair`, complete them."""
    after = ""
    while page := await database.specs.find(
        {"_id": {"$gt": after}, **INCOMPLETE_SPECS},
        {"_id": 1},
        sort=[("_id", 1)],
        limit=COMPLETION_BATCH_SIZE,
    ):
        ids = [document["_id"] for document in page]
        for update in await find_completions(database, ids):
            yield Difference("specs", update.query["_id"], "dependencies")
        if repair:
            await complete_batch(database, ids)
        after = ids[-1]
