"""A part of a source that could not be read at all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in a source that could not be read at all."""

    path: str
    reason: str
    detail: str
