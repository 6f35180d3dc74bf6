"""The graph of a stored spec: reading it with few queries, and writing it as JSON, tree or DOT."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.database.client import Database
from models.errors import CaseledgerError
from models.spack.graph import HASH_NAMES
from models.spack.hash_prefix import hash_range
from models.specs.reach import ALL, Reach

Json = dict[str, Any]

MAX_PREFIX_MATCHES = 100

_SUMMARY = dict.fromkeys((
    "hash", "hashes", "name", "version", "namespace", "isRoot", "isSpliced", "hashVerified",
    "tombstone",
), 1)  # fmt: skip
_NODE = ("hash", "name", "version", "namespace", "platform", "os", "target", "isExternal")
_SHORT_HASH_LENGTH = 7


class IncompleteSpecError(CaseledgerError):
    """A node of the graph is not stored: it was not in the file, or has been deleted since."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredGraph:
    """A stored spec, `root`, and the stored documents, by id, of all nodes of its spec document."""

    root: str
    documents: Mapping[str, Json]

    def order(self) -> list[str]:
        """Return the nodes in the order in which Spack writes them.

        This is preorder, with the build spec of a spliced node right after it. Raise
        IncompleteSpecError when a node is not stored.
        """
        seen: dict[str, None] = {}
        stack = [self.root]
        while stack:
            at = stack.pop()
            if at not in seen:
                seen[at] = None
                stack.extend(reversed(list(self._following(at))))
        return list(seen)

    def document(self, id_: str) -> Json:
        """Return the document of a node; raise IncompleteSpecError when it is not stored."""
        if id_ not in self.documents:
            raise IncompleteSpecError(f"the node {id_} is not stored")
        return self.documents[id_]

    def _following(self, at: str) -> Iterator[str]:
        document = self.document(at)
        built_as = document["builtAs"]
        if built_as is not None and built_as["known"]:
            yield id_of(built_as)
        yield from (id_of(edge) for edge in document["edges"])

    def edges(self, id_: str, reach: Reach = ALL) -> list[Json]:
        """Return the edges from a node that are followed."""
        return [edge for edge in self.documents[id_]["edges"] if reach.follows(edge["types"])]

    def reachable(self, reach: Reach = ALL) -> list[str]:
        """Return the root and those dependencies that are stored, in preorder."""
        seen: dict[str, None] = {}
        stack = [self.root]
        while stack:
            at = stack.pop()
            if at not in seen and at in self.documents:
                seen[at] = None
                stack.extend(reversed([id_of(edge) for edge in self.edges(at, reach)]))
        return list(seen)

    def missing(self, reach: Reach = ALL) -> list[Json]:
        """Return ids and names of the nodes that edges lead to but that are not stored."""
        names = {
            id_of(edge): edge["name"]
            for id_ in self.reachable(reach)
            for edge in self.edges(id_, reach)
            if id_of(edge) not in self.documents
        }
        return [{"id": id_, "name": names[id_]} for id_ in sorted(names)]


def id_of(reference: Mapping[str, Any]) -> str:
    """Return the id of the spec that an edge, a closure entry or `builtAs` refers to."""
    id_: str = reference.get("id") or reference["hash"]
    return id_


async def find_ids(
    database: Database, text: str, limit: int = MAX_PREFIX_MATCHES + 1
) -> list[Json]:
    """Return summaries of the specs with this id, or with this hash or a hash with this prefix.

    A hash may be a DAG hash, and in old formats also a full or a build hash. There are several
    results when the prefix is ambiguous, or when several contents have the same hash; more than
    `MAX_PREFIX_MATCHES` results mean that there are others still.
    """
    exact = await database.specs.find({"_id": text}, _SUMMARY)
    if exact and "~" in text:
        return exact
    query = {"hashes": {"$elemMatch": hash_range(text)}}
    specs = await database.specs.find(query, _SUMMARY, limit=limit, hint="hashes")
    return sorted(specs, key=lambda spec: str(spec["_id"]))


async def load_graph(
    database: Database, id_: str, projection: Json | None = None
) -> StoredGraph | None:
    """Read a spec and the nodes of its document; return None when it is not stored.

    This takes two queries, and two more for each splice that is nested in another.
    """
    root = await database.specs.find_one({"_id": id_})
    if root is None or root.get("tombstone") is not None:
        return None
    documents: dict[str, Json] = {id_: root}
    wanted = {*_below(root), *_submitted(root)} - documents.keys()
    while wanted:
        query = {"_id": {"$in": sorted(wanted)}, "tombstone": None}
        new = await database.specs.find(query, projection)
        documents |= {document["_id"]: document for document in new}
        wanted = {node_id for document in new for node_id in _below(document)} - documents.keys()
    return StoredGraph(id_, documents)


def _below(document: Json) -> Iterator[str]:
    yield from map(id_of, document["dependencies"])
    built_as = document["builtAs"]
    if built_as is not None and built_as["known"]:
        yield id_of(built_as)
        yield from map(id_of, document["builtWith"])


def _submitted(document: Json) -> Iterator[str]:
    """Yield the nodes of the submitted forms; a file may contain nodes that no edge leads to."""
    for form in document["forms"]:
        yield from form["order"] or ()


def native_node(document: Json) -> Json:
    """Return the JSON of a node as it was submitted."""
    native: Json = document["spec"]
    return json.loads(document["specText"]) if native is None else native


def native_document(graph: StoredGraph, form: int | None = None) -> Json:
    """Return the document of a spec in one of its submitted forms, or else as Spack writes it.

    `form` is the index of a submitted form of the root, by default 0; without submitted forms, it
    is ignored. Raise IncompleteSpecError when a node is not stored.
    """
    root = graph.documents[graph.root]
    forms = root["forms"]
    submitted = forms[form or 0] if forms else None
    if submitted is not None and submitted["order"] == []:
        return dict(json.loads(submitted["frame"]))
    order = graph.order() if submitted is None else submitted["order"] or graph.order()
    nodes = [_with_key(graph.document(node_id)) for node_id in order]
    if submitted is None:
        head: Json = {"_meta": {"version": root["format"]}, "nodes": nodes}
        return {"spec": nodes if root["format"] == 1 else head}
    frame: Json = json.loads(submitted["frame"])
    if frame["spec"] is None:
        frame["spec"] = nodes
    else:
        frame["spec"]["nodes"] = nodes
    return frame


def _with_key(document: Json) -> Json:
    """Return a node as it is written in a document, with the hash by which edges refer to it."""
    native, name = native_node(document), document["name"]
    if document["format"] == 1 and "name" in native:
        native = {key: value for key, value in native.items() if key != "name"}
    key_name = document["keyName"]
    key = document["buildHash"] if key_name == "build_hash" else document["hash"]
    if not any(native.get(hash_name) == key for hash_name in HASH_NAMES):
        native = {**native, key_name: key}
    return {name: native} if document["format"] == 1 else native


def dependencies_of(
    document: Json, reach: Reach = ALL, *, direct: bool = False, types: Sequence[str] = ()
) -> list[Json]:
    """Return the closure entries of a spec within reach, optionally only direct ones.

    With `types`, only entries are returned that an edge of one of these types leads to. Raise
    UnansweredReachError.
    """
    return [
        entry
        for entry in document["dependencies"]
        if reach.has(entry)
        and (entry["direct"] or not direct)
        and (not types or not set(types).isdisjoint(entry["types"]))
    ]


def dependents_filter(
    document: Json,
    reach: Reach | None = ALL,
    *,
    direct: bool = False,
    types: Sequence[str] = (),
    roots: bool = False,
) -> Json:
    """Return the filter for the specs that depend on a spec, with `roots` only for submitted ones.

    `reach`, `direct` and `types` are as in `dependencies_of`; without a reach it is that of Spack's
    `^`: direct dependencies, and those along link and run edges. The index begins with the hash.
    """
    entry: Json = {"hash": document["hash"]}
    entry["id"] = None if document["_id"] == document["hash"] else document["_id"]
    query: Json
    if direct:
        query = {"dependencies": {"$elemMatch": entry | {"direct": True}}}
        if types:
            query["edges"] = {"$elemMatch": entry | {"types": {"$in": list(types)}}}
    elif reach is None:
        run, own = entry | {"scope": "run"}, entry | {"direct": True}
        query = {"$or": [{"dependencies": {"$elemMatch": each}} for each in (run, own)]}
    else:
        query = {"dependencies": {"$elemMatch": entry | reach.conditions}}
    return {**query, "isRoot": True} if roots else query


def dag(graph: StoredGraph, reach: Reach = ALL) -> Json:
    """Return the nodes, root first, and edges of the graph of a spec.

    `missing` are the nodes that edges lead to but that are not stored.
    """
    ids = graph.reachable(reach)
    return {
        "root": graph.root,
        "nodes": [
            {"id": id_, **{name: graph.documents[id_][name] for name in _NODE}} for id_ in ids
        ],
        "edges": [
            {
                "parent": id_,
                "child": id_of(edge),
                "types": edge["types"],
                "virtuals": edge["virtuals"],
            }
            for id_ in ids
            for edge in graph.edges(id_, reach)
        ],
        "missing": graph.missing(reach),
    }


def dot(graph: StoredGraph, reach: Reach = ALL) -> str:
    """Return the graph of a spec in the language of Graphviz; dashed nodes are not stored."""
    nodes_and_edges = dag(graph, reach)
    lines = ["digraph {", "  node [shape=box]"]
    for node in nodes_and_edges["nodes"]:
        label = f"{node['name']}@{node['version']}\n/{node['hash'][:_SHORT_HASH_LENGTH]}"
        lines.append(f"  {_quoted(node['id'])} [label={_quoted(label)}]")
    for node in nodes_and_edges["missing"]:
        label = f"{node['name']}\n/{node['id'][:_SHORT_HASH_LENGTH]}"
        lines.append(f"  {_quoted(node['id'])} [label={_quoted(label)} style=dashed]")
    for edge in nodes_and_edges["edges"]:
        label = ",".join([*edge["types"], *(f"%{name}" for name in edge["virtuals"])])
        ends = f"{_quoted(edge['parent'])} -> {_quoted(edge['child'])}"
        lines.append(f"  {ends} [label={_quoted(label)}]")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
