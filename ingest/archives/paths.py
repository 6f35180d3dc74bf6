"""Paths as they are stored and looked up."""

import hashlib


def storable_path(path: str) -> str:
    """Return a path as it can be stored: bytes in it that are not UTF-8 stand as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def path_digest(path: str) -> str:
    """Return a digest of a path, under which what was seen there is kept."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()
