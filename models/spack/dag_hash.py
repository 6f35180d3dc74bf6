"""Recomputes the DAG hash of Spack nodes from their JSON.

The hash is over the JSON of the node as it was written, in its key order and without the hash
itself. Two ways to write it occur: since 0.21 without blanks, before that indented by two. The
file does not say which; so both are tried where both can be. Dependencies stand in the JSON by
their hashes, so a hash commits to the whole graph below it.

A hash that agrees is proof. One that does not is an error only where Spack computes it from just
this JSON: not in formats 1 to 3, not for nodes that a newer Spack has rewritten from an older
format, and nowhere in a spliced graph, where hashes of other nodes too come from passing states.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from models.spack.graph import Graph, JsonObject, Node, SpecError

_VERIFIABLE = range(4, 7)
_LAST_INDENTED = 4
_COMPACT = json.JSONEncoder(separators=(",", ":"), check_circular=False)  # no JSON is circular


class HashMismatchError(SpecError):
    """The content of a node does not give the hash that it states; both are named."""

    def __init__(self, path: str, stated: str, computed: str) -> None:
        detail = f"the content has the hash {computed}, and {stated} is stated"
        super().__init__("hash_mismatch", path, detail)
        self.stated = stated
        self.computed = computed

    def __reduce__(self) -> tuple[type["HashMismatchError"], tuple[str, str, str]]:  # type: ignore[override]
        return type(self), (self.path, self.stated, self.computed)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the content of a node gives its hash; `is_verified` is None when that says nothing.

    `reason` is empty for a hash that agrees, and a stable, short word otherwise.
    """

    stated: str
    computed: str
    is_verified: bool | None
    reason: str = ""


def compact(native: JsonObject) -> str:
    """Write a node as Spack does since 0.21."""
    return _COMPACT.encode(native)


def indented(native: JsonObject) -> str:
    """Write a node as Spack did from 0.17 to 0.20."""
    return json.dumps(native, indent=2, separators=(",", ": "))


def dag_hash(native: JsonObject, write: Callable[[JsonObject], str] = compact) -> str:
    """Return the hash of a node's JSON, of which the hash that it states is no part."""
    content = {key: value for key, value in native.items() if key != "hash"}
    digest = hashlib.sha1(write(content).encode(), usedforsecurity=False).digest()
    return base64.b32encode(digest).decode().lower()


def verify(graph: Graph, key: str) -> Verification:
    """Return whether a node has the hash that it states."""
    node = graph.nodes[key]
    computed = dag_hash(node.native)
    if "hash" not in node.native or graph.format < 3:
        return Verification(node.hash, computed, None, "old_format")
    if node.build_spec is not None:
        return Verification(node.hash, computed, None, "spliced")
    if node.hash == computed:
        return Verification(node.hash, computed, True)
    if graph.format <= _LAST_INDENTED and node.hash == dag_hash(node.native, indented):
        return Verification(node.hash, node.hash, True)
    reason = _excuse(graph, node)
    return Verification(node.hash, computed, None if reason else False, reason or "hash_mismatch")


def _excuse(graph: Graph, node: Node) -> str:
    """Return why a hash that does not agree need not: empty when there is no reason."""
    if graph.format not in _VERIFIABLE:
        return "old_format" if graph.format < _VERIFIABLE.start else "newer_format"
    if node.original_format is not None and node.original_format < graph.format:
        return "rewritten"
    return "in_spliced_graph" if graph.is_spliced else ""


def verify_all(graph: Graph) -> dict[str, Verification]:
    """Return the verification of every node by key."""
    return {key: verify(graph, key) for key in graph.nodes}


def mismatch(graph: Graph, key: str, verification: Verification) -> HashMismatchError:
    """Return the error of a node whose verification is false."""
    place = graph.nodes[key].place
    return HashMismatchError(place, verification.stated, verification.computed)
