"""Generators that nobody closes: what they hold is let go of some time later, or never."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def abandoned_generators() -> Iterator[list[str]]:
    """Give the names of asynchronous generators that are begun in the body and left unfinished."""
    names: list[str] = []
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(finalizer=lambda generator: names.append(repr(generator)))
    try:
        yield names
    finally:
        sys.set_asyncgen_hooks(*before)
