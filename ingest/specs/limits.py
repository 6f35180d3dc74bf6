"""Limits of what is read of one file of specs."""

from dataclasses import dataclass

from models.json.reader import JsonLimits


@dataclass(frozen=True, slots=True)
class SpecLimits(JsonLimits):
    """Limits of a file, and of what it contains.

    `nodes` bounds one spec document, and `records` the nodes of a lockfile, a database or a
    listing.
    """

    nodes: int = 20_000
    records: int = 200_000
