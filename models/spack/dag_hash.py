"""Verification of DAG hashes: they are recomputed from the JSON of the nodes.

    hash = base32(SHA-1(JSON of the node without "hash", keys in their order))

A file does not say by which rule its hashes were computed; so all are tried that are possible:

    compact             the JSON is written compactly: Spack since 0.21
    indented            the JSON is indented by two: Spack 0.17 to 0.20
    without_namespace   compact, and an external has no "namespace": Spack 1.1

The JSON states dependencies by their hashes, so that a hash commits to the whole graph below the
node, except to the namespaces of externals by the last of these rules.

A hash that agrees is proof. A hash that differs is a mismatch only where Spack computes it from
exactly this JSON. This is not so in formats 1 to 3, for nodes that a newer Spack has rewritten from
an older format, and in spliced graphs, in which the hashes of other nodes may come from
intermediate states as well. Spack itself never recomputes a stored hash, so that its users have
documents with other hashes, such as those in which they renamed a namespace.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from models.spack.graph import Graph, JsonObject, Node, SpecError

Rule = Literal["compact", "indented", "without_namespace"]

_VERIFIABLE = range(4, 7)
_LAST_INDENTED = 4
_COMPACT = json.JSONEncoder(separators=(",", ":"), check_circular=False)  # JSON is never circular


class HashMismatchError(SpecError):
    """The hash that a node states is not the hash of its content."""

    def __init__(self, path: str, stated: str, computed: str) -> None:
        detail = f"the content has the hash {computed}, but {stated} is stated"
        super().__init__("hash_mismatch", path, detail)
        self.stated = stated
        self.computed = computed

    def __reduce__(self) -> tuple[type["HashMismatchError"], tuple[str, str, str]]:  # type: ignore[override]
        return type(self), (self.path, self.stated, self.computed)


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of recomputing the hash of a node.

    `is_verified` is None when a difference proves nothing. `reason` is empty for a hash that
    agrees, and a short, stable word otherwise; `rule` is the one by which it agrees.
    """

    stated: str
    computed: str
    is_verified: bool | None
    reason: str = ""
    rule: Rule | None = None

    @property
    def commits_to_all(self) -> bool:
        """Whether the hash shows that the whole content of the node is as it was."""
        return self.is_verified is True and self.rule != "without_namespace"


def compact(native: JsonObject) -> str:
    """Return the JSON text of a node as Spack writes it since 0.21."""
    return _COMPACT.encode(native)


def indented(native: JsonObject) -> str:
    """Return the JSON text of a node as Spack wrote it from 0.17 to 0.20."""
    return json.dumps(native, indent=2, separators=(",", ": "))


def dag_hash(native: JsonObject, write: Callable[[JsonObject], str] = compact) -> str:
    """Return the DAG hash of the JSON of a node; the hash stated in it is left out."""
    content = {key: value for key, value in native.items() if key != "hash"}
    digest = hashlib.sha1(write(content).encode(), usedforsecurity=False).digest()
    return base64.b32encode(digest).decode().lower()


def verify(graph: Graph, key: str) -> Verification:
    """Return whether the content of a node has the hash that the node states."""
    node = graph.nodes[key]
    computed = dag_hash(node.native)
    if "hash" not in node.native or graph.format < 3:
        return Verification(node.hash, computed, None, "old_format")
    if node.build_spec is not None:
        return Verification(node.hash, computed, None, "spliced")
    for rule, hash_ in _hashes(graph, node, computed):
        if node.hash == hash_:
            return Verification(node.hash, hash_, True, rule=rule)
    reason = _excuse(graph, node)
    return Verification(node.hash, computed, None if reason else False, reason or "hash_mismatch")


def _hashes(graph: Graph, node: Node, computed: str) -> Iterator[tuple[Rule, str]]:
    """Yield the hashes of a node by all rules that are possible."""
    yield "compact", computed
    if graph.format <= _LAST_INDENTED:
        yield "indented", dag_hash(node.native, indented)
    elif node.external is not None and "namespace" in node.native:
        native = {key: value for key, value in node.native.items() if key != "namespace"}
        yield "without_namespace", dag_hash(native)


def _excuse(graph: Graph, node: Node) -> str:
    """Return the reason why a hash that differs is no error, or the empty text."""
    if graph.format not in _VERIFIABLE:
        return "old_format" if graph.format < _VERIFIABLE.start else "newer_format"
    if node.original_format is not None and node.original_format < graph.format:
        return "rewritten"
    return "in_spliced_graph" if graph.is_spliced else ""


def verify_all(graph: Graph) -> dict[str, Verification]:
    """Return the verification of each node, by key."""
    return {key: verify(graph, key) for key in graph.nodes}


def mismatch(graph: Graph, key: str, verification: Verification) -> HashMismatchError:
    """Return the error for a node whose verification has failed."""
    place = graph.nodes[key].place
    return HashMismatchError(place, verification.stated, verification.computed)
