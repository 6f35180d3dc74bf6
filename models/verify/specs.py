"""TODO docstring."""

from collections.abc import AsyncIterator

from models.database.client import Database
from models.specs.completion import _BATCH, _LACKING, _complete, _updates
from models.verify.difference import Difference


async def verify_specs(database: Database, *, repair: bool = False) -> AsyncIterator[Difference]:
    """Give the specs that lack nodes which are stored, having completed them if asked for."""
    after = ""
    while page := await database.specs.find(
        {"_id": {"$gt": after}, **_LACKING}, {"_id": 1}, sort=[("_id", 1)], limit=_BATCH
    ):
        ids = [each["_id"] for each in page]
        for update in await _updates(database, ids):
            yield Difference("specs", update.query["_id"], "dependencies")
        if repair:
            await _complete(database, ids)
        after = ids[-1]
