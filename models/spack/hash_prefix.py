"""Prefixes of DAG hashes as ranges, which use an index."""

_BEHIND_HASHES = "~"


def hash_range(prefix: str) -> dict[str, str]:
    """Return the range of the hashes, and of the ids, that begin so."""
    return {"$gte": prefix.lower(), "$lt": prefix.lower() + _BEHIND_HASHES}
