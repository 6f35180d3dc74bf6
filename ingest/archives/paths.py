"""Paths in the form in which they are stored and looked up."""

import hashlib


def storable_path(path: str) -> str:
    """Return a path that can be stored: bytes in it that are not UTF-8 become escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def path_digest(path: str) -> str:
    """Return a digest of a path: the id of what is stored about the file or directory there."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()
