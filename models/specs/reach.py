"""Reach: how far a question follows dependencies, by the types of the edges.

    all                    every edge, also untyped ones
    link,run               what is needed to run
    build,link,run         what is needed to build or to run
    link                   what is reached along link edges alone; likewise each other type

Graphs follow edges of any types. Closures are stored, and can only be asked for these reaches.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from models.errors import UsageError
from models.spack.graph import BUILD, DEPENDENCY_TYPES, LINK_RUN

Json = dict[str, Any]

_SCOPES = {LINK_RUN: ["run"], BUILD: ["run", "build"]}


class UnansweredReachError(UsageError):
    """No closure is stored for these types of dependencies."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The types of the edges that are followed; None follows every edge."""

    types: frozenset[str] | None = None

    def follows(self, types: Collection[str]) -> bool:
        """Return whether an edge of these types is followed."""
        return self.types is None or not self.types.isdisjoint(types)

    @property
    def conditions(self) -> Json:
        """The conditions on an entry of a stored closure; raise UnansweredReachError."""
        if self.types is None:
            return {}
        if self.types in _SCOPES:
            scopes = _SCOPES[self.types]
            return {"scope": scopes[0] if len(scopes) == 1 else {"$in": scopes}}
        return {"along": self._single_type}

    def has(self, entry: Json) -> bool:
        """Return whether a stored closure within this reach has an entry.

        Raise UnansweredReachError as `conditions` does.
        """
        if self.types is None:
            return True
        if self.types in _SCOPES:
            return entry["scope"] in _SCOPES[self.types]
        return self._single_type in entry["along"]

    @property
    def _single_type(self) -> str:
        types = self.types or frozenset()
        if len(types) != 1:
            wanted = ",".join(kind for kind in DEPENDENCY_TYPES if kind in types)
            raise UnansweredReachError(
                f"the dependencies along {wanted} are not recorded: ask for all; link,run;"
                " build,link,run; or a single type"
            )
        return next(iter(types))


ALL = Reach()
RUN = Reach(LINK_RUN)
TO_BUILD = Reach(BUILD)


def reach_of(types: Collection[str]) -> Reach:
    """Return the reach along edges of some types; without types, or with all four, along all."""
    kinds = frozenset(types)
    return ALL if not kinds or kinds.issuperset(DEPENDENCY_TYPES) else Reach(kinds)
