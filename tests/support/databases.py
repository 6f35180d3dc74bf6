"""Databases of tests."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from models.database.client import Database

NewDatabase = Callable[[str], AbstractAsyncContextManager[Database]]
"""Opens a new database, whose name begins as given, and drops it in the end."""
