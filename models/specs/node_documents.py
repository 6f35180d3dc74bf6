"""Derivation of what is stored of a node of a Spack graph: id, closure, searchable fields. Pure."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from models.configuration.keys import escape_name
from models.spack.dag_hash import Verification
from models.spack.graph import FLAGS, Edge, Graph, JsonObject, Node
from models.spack.target import target_family
from models.spack.version import stored_version_key
from models.specs.closure import Hops, closure, hop
from models.specs.closure_limits import ClosureLimits

Json = dict[str, Any]

_UNVERIFIED = Verification("", "", None, "unverified")
_DIGEST_LENGTH = 16
_NESTED = (dict, list)


def identities(graph: Graph, verifications: Mapping[str, Verification]) -> dict[str, str]:
    """Return the ids of the nodes of a graph, by key.

    The id of a node is its hash if the content of the graph below the node follows from the hash.
    Otherwise it is `<hash>~<digest>`, with a digest of the JSON of the node and of the ids below.
    """
    ids: dict[str, str] = {}
    for key in graph.leaves_first():
        node = graph.nodes[key]
        below = [ids.get(edge.child, edge.child) for edge in graph.edges[key]]
        if node.build_spec is not None:
            below.append(ids.get(node.build_spec, node.build_spec))
        is_certain = verifications.get(key, _UNVERIFIED).commits_to_all
        is_plain = is_certain and node.build_spec is None and not any("~" in id_ for id_ in below)
        ids[key] = node.hash if is_plain else f"{node.hash}~{_digest(node, below)}"
    return ids


def _digest(node: Node, below: list[str]) -> str:
    text = json.dumps([node.name, node.key_name, node.key, node.native, below])
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_DIGEST_LENGTH]


class NodeDocuments:
    """The stored documents of the nodes of one graph, derived on request."""

    def __init__(
        self, graph: Graph, verifications: Mapping[str, Verification], *, may_refer: bool = True
    ) -> None:
        """`may_refer` is false when no object in the JSON of the graph has a key `$ref`."""
        self.graph = graph
        self.ids = identities(graph, verifications)
        self._verifications = verifications
        self._may_refer = may_refer
        self._bases: dict[str, Json] = {}
        self._missing: dict[str, list[Edge]] = {}
        for edge in graph.missing:
            self._missing.setdefault(edge.parent, []).append(edge)

    def document(self, key: str) -> Json:
        """Return those fields of the document of a node that follow from the graph."""
        node = self.graph.nodes[key]
        verification = self._verifications.get(key, _UNVERIFIED)
        dependencies = self.dependencies(key)
        return {
            "_id": self.ids[key],
            "hash": node.hash,
            "hashes": list(node.hashes),
            "fullHash": node.full_hash,
            "buildHash": node.build_hash,
            "keyName": node.key_name,
            "hashVerified": verification.is_verified,
            "hashReason": verification.reason,
            "hashRule": verification.rule,
            "name": node.name,
            "version": node.version,
            "versionKey": stored_version_key(node.version),
            "namespace": node.namespace,
            "platform": node.platform,
            "os": node.os,
            "target": node.target,
            "targetFamily": None if node.target is None else target_family(node.target),
            "format": self.graph.format,
            "isExternal": node.external is not None,
            "isSpliced": node.build_spec is not None,
            "builtAs": self._built_as(node),
            "compilers": self._compilers(key),
            "variants": _variants(node),
            "flags": _flags(node),
            "edges": list(self._edges(key)),
            "dependencies": dependencies,
            "dependencyCount": len(dependencies),
            "missing": self._missing_below(key),
            "builtWith": self._built_with(node),
            **_native(node.native, may_refer=self._may_refer),
        }

    def dependencies(self, key: str) -> list[Json]:
        """Return the closure of a node, sorted by name and hash."""
        entries = closure(key, self._hops)
        return [
            {**self._base(child), **entries[child]}
            for child in sorted(entries, key=self._ranks.__getitem__)
        ]

    @cached_property
    def limits(self) -> ClosureLimits:
        """The limits of the closures; measured only when they are asked for."""
        return ClosureLimits(self.graph)

    @cached_property
    def _hops(self) -> Hops:
        """The edges of all nodes; computed only when a closure is needed."""
        return {
            key: [hop(edge.child, edge.deptypes, edge.virtuals) for edge in edges]
            for key, edges in self.graph.edges.items()
        }

    @cached_property
    def _ranks(self) -> Mapping[str, int]:
        """The positions of all nodes in the order of closures."""
        in_order = sorted(self.graph.nodes, key=self._sort_key)
        return {key: rank for rank, key in enumerate(in_order)}

    def _sort_key(self, key: str) -> tuple[str, str, str]:
        node = self.graph.nodes[key]
        return node.name, node.hash, self.ids[key]

    def _base(self, key: str) -> Json:
        base = self._bases.get(key)
        if base is None:
            node = self.graph.nodes[key]
            base = self._bases[key] = {
                "name": node.name,
                "version": node.version,
                "versionKey": stored_version_key(node.version),
                **_reference(node.hash, self.ids[key]),
            }
        return base

    def _edges(self, key: str) -> Iterator[Json]:
        edges = [*self.graph.edges[key], *self._missing.get(key, ())]
        for edge in sorted(edges, key=_json_position) if self._missing.get(key) else edges:
            kinds = {"types": list(edge.deptypes), "virtuals": list(edge.virtuals)}
            if edge.child in self.graph.nodes:
                yield {**self._base(edge.child), **kinds}
            else:
                yield {"name": edge.name, "hash": edge.child, **kinds, "missing": True}

    def _missing_below(self, key: str) -> list[str]:
        if key not in self.graph.incomplete:
            return []
        parents = (key, *self.graph.closure(key))
        return sorted({edge.child for parent in parents for edge in self._missing.get(parent, ())})

    def _compilers(self, key: str) -> list[Json]:
        return [
            {
                "name": compiler.name,
                "version": compiler.version,
                "versionKey": stored_version_key(compiler.version),
                "hash": compiler.hash,
                "languages": list(compiler.languages),
            }
            for compiler in self.graph.compilers(key)
        ]

    def _built_as(self, node: Node) -> Json | None:
        key = node.build_spec
        if key is None:
            return None
        if key not in self.graph.nodes:
            return {"hash": key, "known": False}
        return {**_reference(self.graph.nodes[key].hash, self.ids[key]), "known": True}

    def _built_with(self, node: Node) -> list[Json] | None:
        key = node.build_spec
        if key is None:
            return None
        return self.dependencies(key) if key in self.graph.nodes else []


def _reference(node_hash: str, stored_id: str) -> Json:
    return {"hash": node_hash} if node_hash == stored_id else {"hash": node_hash, "id": stored_id}


def _json_position(edge: Edge) -> tuple[int, str]:
    """Return the sort key by which the edges of one node are in the order of its JSON.

    The places of list items differ only in their numbers: a longer number is greater.
    """
    return len(edge.place), edge.place


def _variants(node: Node) -> Json:
    """Return the variants in a searchable form: values are booleans, text or lists of text."""
    variants = {name: _variant(value) for name, value in node.variants.items()}
    patches = node.native.get("patches")
    if "patches" not in variants and isinstance(patches, list):
        variants["patches"] = _variant(patches)
    return {escape_name(name): value for name, value in variants.items() if value is not None}


def _variant(value: Any) -> bool | str | list[str] | None:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, list):
        return [variant_text(item) for item in value]
    return None if isinstance(value, dict) else variant_text(value)


def variant_text(value: Any) -> str:
    """Return the value of a variant as it is written in a query."""
    return value if isinstance(value, str) else json.dumps(value)


def _flags(node: Node) -> Json:
    values = {name: node.parameters.get(name) for name in sorted(FLAGS)}
    return {
        name: [variant_text(item) for item in value]
        for name, value in values.items()
        if isinstance(value, list) and value
    }


def _native(native: JsonObject, *, may_refer: bool) -> Json:
    """Return the JSON of a node, as text if the driver would take part of it for a reference."""
    text = json.dumps(native) if may_refer and _holds_reference(native) else None
    return {"spec": None if text else native, "specText": text}


def _holds_reference(native: JsonObject) -> bool:
    stack: list[Any] = [native]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            if "$ref" in at:
                return True
            stack += [value for value in at.values() if isinstance(value, _NESTED)]
        else:
            stack += [value for value in at if isinstance(value, _NESTED)]
    return False
