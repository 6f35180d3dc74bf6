"""Ranges of DAG hashes that begin with a prefix, so that a query can use an index."""

_AFTER_HASHES = "~"  # sorts after all characters of a hash


def hash_range(prefix: str) -> dict[str, str]:
    """Return the range of the hashes that begin with a prefix."""
    return {"$gte": prefix.lower(), "$lt": prefix.lower() + _AFTER_HASHES}
