"""The closure of a node of a Spack graph: all its dependencies, at any distance. Pure.

The scope of an entry says how far the dependency reaches:

    app --link--> mid --link--> leaf       mid, leaf     run     only link and run edges
     |             |
     |             +--build--> cmake       cmake         build   also build edges
     |
     +--test--> check --link--> util       check, util   test    also test edges, or untyped ones

`types` and `virtuals` of an entry are those of all edges that lead to the dependency. Spack's `^`
follows fewer: the edges of the node itself, and along link and run edges. Where these have other
types or virtuals, an entry of the scope `run` has them as `reachTypes` and `reachVirtuals`. `along`
are the types along whose edges alone, each by itself, the dependency is reached.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from models.spack.graph import BUILD, DEPENDENCY_TYPES, LINK_RUN

Json = dict[str, Any]
_Names = frozenset[str]

_SCOPE_NAMES = ("run", "build", "test")
_NO_NAMES: _Names = frozenset()
_TYPES = [
    [kind for number, kind in enumerate(DEPENDENCY_TYPES) if bits >> number & 1]
    for bits in range(1 << len(DEPENDENCY_TYPES))
]
"""The dependency types by their bits."""


class Hop(NamedTuple):
    """An edge to a dependency, prepared for the computation of closures.

    `scope` is the number of the first scope that follows the edge; `types` are bits.
    """

    scope: int
    child: str
    types: int
    virtuals: _Names


Hops = Mapping[str, Sequence[Hop]]
"""The edges of all nodes, by the key of their parent."""


def hop(child: str, types: Iterable[str], virtuals: Collection[str]) -> Hop:
    """Return an edge as closures need it."""
    scope, bits = _scope_and_bits(tuple(types))
    return Hop(scope, child, bits, frozenset(virtuals) if virtuals else _NO_NAMES)


class _Edges(NamedTuple):
    """Types, as bits, and virtuals of the edges to each node; one without virtuals has no entry."""

    types: dict[str, int]
    virtuals: dict[str, _Names]

    def add(self, hops: Iterable[Hop]) -> None:
        for _, child, types, provided in hops:
            self.types[child] = self.types.get(child, 0) | types
            if provided:
                self.virtuals[child] = self.virtuals.get(child, _NO_NAMES) | provided

    def copy(self) -> "_Edges":
        return _Edges(dict(self.types), dict(self.virtuals))

    def names(self, child: str) -> tuple[list[str], list[str]]:
        """Return the types and the virtuals of the edges to a node, in their order."""
        virtuals = self.virtuals.get(child)
        return _TYPES[self.types[child]], sorted(virtuals) if virtuals else []


def closure(key: str, hops: Hops) -> dict[str, Json]:
    """Return by dependency all fields of its entry that depend on the way to it.

    Entries share lists, which must not be modified.
    """
    scopes, reach, edges = _walk(key, hops)
    along = _along(key, hops)
    direct = {hop.child for hop in hops[key]}
    entries: dict[str, Json] = {}
    for child, scope in scopes.items():
        types, virtuals = edges.names(child)
        entries[child] = {
            "types": types, "virtuals": virtuals, "scope": scope, "direct": child in direct,
            "along": _TYPES[along[child]],
        }  # fmt: skip
        if scope == "run" and (
            reach.types[child] != edges.types[child]
            or reach.virtuals.get(child) != edges.virtuals.get(child)
        ):
            types, virtuals = reach.names(child)
            entries[child] |= {"reachTypes": types, "reachVirtuals": virtuals}
    return entries


def _walk(key: str, hops: Hops) -> tuple[dict[str, str], _Edges, _Edges]:
    """Return the scopes of the dependencies, the edges within reach, and all edges.

    The walk visits the nodes of one scope after the other: a node that needs a wider scope is
    postponed until the walk gets to that scope. Most of the work of an upload is done here.
    """
    scopes: dict[str, str] = {}
    reach = _Edges({}, {})
    bits, virtuals = reach
    beyond: list[Hop] = []
    postponed: list[list[str]] = [[] for _ in _SCOPE_NAMES]
    stack = [key]
    for number, scope in enumerate(_SCOPE_NAMES):
        new = dict.fromkeys(child for child in postponed[number] if child not in scopes)
        stack += new
        scopes.update(dict.fromkeys(new, scope))
        while stack:
            parent = stack.pop()
            has_beyond = not number and parent != key
            for edge in hops[parent]:
                needed, child, types, provided = edge
                if has_beyond and needed:
                    beyond.append(edge)
                else:
                    bits[child] = bits.get(child, 0) | types
                    if provided:
                        virtuals[child] = virtuals.get(child, _NO_NAMES) | provided
                if child in scopes:
                    continue
                if needed > number:
                    postponed[needed].append(child)
                else:
                    scopes[child] = scope
                    stack.append(child)
        if not number:
            bits, virtuals = reach.copy()
    edges = _Edges(bits, virtuals)
    edges.add(beyond)
    return scopes, reach, edges


def _along(key: str, hops: Hops) -> dict[str, int]:
    """Return by dependency the types, as bits, along whose edges alone it is reached."""
    along = {key: ~0}
    stack = [key]
    while stack:
        parent = stack.pop()
        reached = along[parent]
        for edge in hops[parent]:
            known = along.get(edge.child)
            bits = (known or 0) | (edge.types & reached)
            if bits != known:
                along[edge.child] = bits
                stack.append(edge.child)
    return along


@lru_cache(maxsize=256)
def _scope_and_bits(types: tuple[str, ...]) -> tuple[int, int]:
    kinds = frozenset(types)
    scope = 0 if kinds & LINK_RUN else 1 if kinds & BUILD else 2
    return scope, sum(1 << DEPENDENCY_TYPES.index(kind) for kind in kinds)
