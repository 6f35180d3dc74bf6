"""The types that callers of the database share with it."""

from collections.abc import Sequence
from typing import Any

from pymongo import IndexModel as Index

__all__ = ["Index", "Json", "Sort"]

Json = dict[str, Any]
"""A document, a query, a change or a stage of a pipeline."""

Sort = Sequence[tuple[str, int]]
"""Fields to sort by, each with 1 for ascending or -1 for descending."""
