"""The one place where an import writes: a case at a time, each in one atomic write."""

_PATIENCE_SECONDS = 90
"""Longer than MongoDB keeps the documents of a client that was killed while it wrote them."""
