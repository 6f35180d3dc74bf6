"""All specs that a hash, or the beginning of one, may mean: for what is linked with them."""

import re
from typing import Any

from api.errors import bad_value, not_found
from models.database import Database
from models.spec_search import hash_range

MOST_CANDIDATES = 1000

_HASH = re.compile(r"[A-Za-z0-9]{7,32}(~[a-z0-9]{1,32})?")
_WHOLE = 32


async def specs_of_hash(database: Database, given: str) -> list[dict[str, Any]]:
    """Return ids and hashes of the specs whose id is this, or one of whose hashes begins so."""
    if not _HASH.fullmatch(given):
        raise bad_value("hash", "a hash has seven to 32 letters and digits")
    told = given.lower()
    query: dict[str, Any] = {
        "hashes": told if _is_whole(told) else {"$elemMatch": hash_range(told)}
    }
    if "~" in told:
        query = {"_id": told}
    return await database.specs.find(
        query, {"hash": 1, "hashes": 1}, sort=[("_id", 1)], limit=MOST_CANDIDATES
    )


async def hashes_of_spec(database: Database, given: str) -> list[str]:
    """Return all hashes of the specs that a hash may mean; a 404 when it is part of none.

    A whole hash may be that of a spec which is not recorded.
    """
    specs = await specs_of_hash(database, given)
    found = {own for spec in specs for own in spec["hashes"]}
    if not found and not _is_whole(given):
        raise not_found("spec", given)
    return sorted(found | ({given.lower()} if _is_whole(given) else set()))


def _is_whole(given: str) -> bool:
    return len(given) == _WHOLE
