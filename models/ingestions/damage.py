"""Damage: a part of a source that could not be read, as an import notes it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Damage:
    """A file, or a part of a source, that could not be read, although the rest could.

    `reason` is a stable word, `detail` a sentence for people. `models.problem` is its stored form.
    """

    path: str
    reason: str
    detail: str
