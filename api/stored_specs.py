"""The hashes that a spec goes by, whether it is recorded or not."""

from models.database import Database
from models.spec_graph import find_ids

_SHORTEST_PREFIX = 7


async def hashes_of_spec(database: Database, text: str) -> list[str]:
    """Return all hashes of the specs of a hash, or its beginning of seven characters or more.

    Of a spec that is not recorded, it is the text itself.
    """
    told = text.partition("~")[0].lower()
    if len(told) < _SHORTEST_PREFIX:
        return [text]
    ids = [each["_id"] for each in await find_ids(database, told)]
    specs = await database.specs.find({"_id": {"$in": ids}}, {"hashes": 1})
    return sorted({text, *(own for spec in specs for own in spec["hashes"])})
