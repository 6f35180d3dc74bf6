"""The graph of a stored spec: read with few queries, and given as document, DAG, tree or DOT."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.database.client import Database
from models.errors import CaseledgerError
from models.spack.graph import BUILD, FLAGS, HASH_NAMES, LINK_RUN
from models.spack.hash_prefix import hash_range
from models.specs.spec import SCOPES, Scope

Json = dict[str, Any]

MOST_PREFIXED = 100

_SUMMARY = dict.fromkeys((
    "hash", "hashes", "name", "version", "namespace", "isRoot", "isSpliced", "hashVerified",
    "tombstone",
), 1)  # fmt: skip
_NODE = ("hash", "name", "version", "namespace", "platform", "os", "target", "isExternal")
_SHOWN_OF_HASH = 7
_INDENT = 4
_ALONG: Mapping[Scope, frozenset[str] | None] = {"run": LINK_RUN, "build": BUILD, "test": None}


class IncompleteSpecError(CaseledgerError):
    """A node of the graph is not stored: it was not in the file, or was deleted since."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredGraph:
    """A stored spec, `root`, with the documents of all nodes of its own document, by id."""

    root: str
    documents: Mapping[str, Json]

    def order(self) -> list[str]:
        """Return the nodes as Spack writes them: preorder, behind a spliced one its build spec.

        IncompleteSpecError when one is not there.
        """
        seen: dict[str, None] = {}
        stack = [self.root]
        while stack:
            at = stack.pop()
            if at in seen:
                continue
            seen[at] = None
            stack.extend(reversed(list(self._following(at))))
        return list(seen)

    def document(self, id_: str) -> Json:
        """Return the document of a node; IncompleteSpecError when it is not there."""
        if id_ not in self.documents:
            raise IncompleteSpecError(f"the node {id_} is not stored")
        return self.documents[id_]

    def _following(self, at: str) -> Iterator[str]:
        document = self.document(at)
        built_as = document["builtAs"]
        if built_as is not None and built_as["known"]:
            yield id_of(built_as)
        yield from (id_of(edge) for edge in document["edges"])

    def edges(self, id_: str, scope: Scope = "test") -> list[Json]:
        """Return the edges from a node along which a closure of this scope goes."""
        types = _ALONG[scope]
        found: list[Json] = self.documents[id_]["edges"]
        return [e for e in found if types is None or not types.isdisjoint(e["types"])]

    def reachable(self, scope: Scope = "test") -> list[str]:
        """Return the root and what it depends on, in preorder, as far as it is stored."""
        seen: dict[str, None] = {}
        stack = [self.root]
        while stack:
            at = stack.pop()
            if at not in seen and at in self.documents:
                seen[at] = None
                stack.extend(reversed([id_of(edge) for edge in self.edges(at, scope)]))
        return list(seen)

    def missing(self, scope: Scope = "test") -> list[Json]:
        """Return the nodes that edges lead to and that are not stored, by id, with their names."""
        names = {
            id_of(edge): edge["name"]
            for id_ in self.reachable(scope)
            for edge in self.edges(id_, scope)
            if id_of(edge) not in self.documents
        }
        return [{"id": id_, "name": names[id_]} for id_ in sorted(names)]


def id_of(reference: Mapping[str, Any]) -> str:
    """Return the id of the spec that an edge, or the like, refers to."""
    found: str = reference.get("id") or reference["hash"]
    return found


async def find_ids(database: Database, text: str, limit: int = MOST_PREFIXED + 1) -> list[Json]:
    """Return short descriptions of the specs of an id, or of a hash or its beginning.

    Looked for are DAG hashes, and for old formats full and build hashes. Several are found when a
    beginning is ambiguous, and when there are several contents under one hash; one more than
    `MOST_PREFIXED` says that there are still others.
    """
    exact = await database.specs.find({"_id": text}, _SUMMARY)
    if exact and "~" in text:
        return exact
    query = {"hashes": {"$elemMatch": hash_range(text)}}
    found = await database.specs.find(query, _SUMMARY, limit=limit, hint="hashes")
    return sorted(found, key=lambda each: str(each["_id"]))


async def load_graph(
    database: Database, id_: str, projection: Json | None = None
) -> StoredGraph | None:
    """Read a spec and the nodes of its document; None when it is not stored.

    It takes two queries, and two more for each splice in another.
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
        wanted = {each for document in new for each in _below(document)} - documents.keys()
    return StoredGraph(id_, documents)


def _below(document: Json) -> Iterator[str]:
    yield from (id_of(each) for each in document["dependencies"])
    built_as = document["builtAs"]
    if built_as is not None and built_as["known"]:
        yield id_of(built_as)
        yield from (id_of(each) for each in document["builtWith"])


def _submitted(document: Json) -> Iterator[str]:
    """Give the nodes of the forms of a spec: some stand in its file that it does not lead to."""
    for form in document["forms"]:
        yield from form["order"] or ()


def native_node(document: Json) -> Json:
    """Return the JSON of a node as it came in."""
    found: Json = document["spec"]
    return json.loads(document["specText"]) if found is None else found


def native_document(graph: StoredGraph, form: int | None = None) -> Json:
    """Return the document of a spec as Spack writes it, or in one of the forms it was submitted in.

    Without a number, it is the first of these forms, if there is any. IncompleteSpecError when a
    node of it is not stored; the forms of the root are told apart by their numbers.
    """
    root = graph.documents[graph.root]
    forms = root["forms"]
    submitted = forms[form or 0] if forms else None
    if submitted is not None and submitted["order"] == []:
        return dict(json.loads(submitted["frame"]))
    order = graph.order() if submitted is None else submitted["order"] or graph.order()
    nodes = [_stated(graph.document(each)) for each in order]
    if submitted is None:
        head: Json = {"_meta": {"version": root["format"]}, "nodes": nodes}
        return {"spec": nodes if root["format"] == 1 else head}
    frame: Json = json.loads(submitted["frame"])
    if frame["spec"] is None:
        frame["spec"] = nodes
    else:
        frame["spec"]["nodes"] = nodes
    return frame


def _stated(document: Json) -> Json:
    """Return a node as it stands in a document, with the hash that edges lead to it by."""
    native, name = native_node(document), document["name"]
    if document["format"] == 1 and "name" in native:
        native = {key: value for key, value in native.items() if key != "name"}
    key_name = document["keyName"]
    key = document["buildHash"] if key_name == "build_hash" else document["hash"]
    if not any(native.get(each) == key for each in HASH_NAMES):
        native = {**native, key_name: key}
    return {name: native} if document["format"] == 1 else native


def dependencies_of(
    document: Json, scope: Scope = "test", *, direct: bool = False, types: Sequence[str] = ()
) -> list[Json]:
    """Return the entries of a spec's closure: of a scope, direct ones only, on edges of a type."""
    return [
        entry
        for entry in document["dependencies"]
        if entry["scope"] in SCOPES[scope]
        and (entry["direct"] or not direct)
        and (not types or not set(types).isdisjoint(entry["types"]))
    ]


def dependents_filter(
    document: Json,
    scope: Scope = "test",
    *,
    direct: bool = False,
    types: Sequence[str] = (),
    roots: bool = False,
) -> Json:
    """Return the filter of the specs that stand on a spec; its index begins with the hash."""
    entry: Json = {"hash": document["hash"]}
    entry["id"] = None if document["_id"] == document["hash"] else document["_id"]
    edge = dict(entry)
    if scope != "test":
        entry["scope"] = {"$in": list(SCOPES[scope])}
    if direct:
        entry["direct"] = True
    if types:
        (edge if direct else entry)["types"] = {"$in": list(types)}
    found: Json = {"dependencies": {"$elemMatch": entry}}
    if direct and types:
        found["edges"] = {"$elemMatch": edge}
    return {**found, "isRoot": True} if roots else found


def dag(graph: StoredGraph, scope: Scope = "test") -> Json:
    """Return nodes and edges of the graph of a spec; the root comes first.

    `missing` are the nodes that edges lead to and that are not stored.
    """
    ids = graph.reachable(scope)
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
            for edge in graph.edges(id_, scope)
        ],
        "missing": graph.missing(scope),
    }


def dot(graph: StoredGraph, scope: Scope = "test") -> str:
    """Return the graph of a spec in the language of Graphviz; what is not stored is dashed."""
    found = dag(graph, scope)
    lines = ["digraph {", "  node [shape=box]"]
    for node in found["nodes"]:
        label = f"{node['name']}@{node['version']}\n/{node['hash'][:_SHOWN_OF_HASH]}"
        lines.append(f"  {_quoted(node['id'])} [label={_quoted(label)}]")
    for node in found["missing"]:
        label = f"{node['name']}\n/{node['id'][:_SHOWN_OF_HASH]}"
        lines.append(f"  {_quoted(node['id'])} [label={_quoted(label)} style=dashed]")
    for edge in found["edges"]:
        label = ",".join([*edge["types"], *(f"%{name}" for name in edge["virtuals"])])
        ends = f"{_quoted(edge['parent'])} -> {_quoted(edge['child'])}"
        lines.append(f"  {ends} [label={_quoted(label)}]")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def tree(graph: StoredGraph, scope: Scope = "test") -> str:
    """Return the graph of a spec as `spack spec -lN` prints it: each node once, by its first way.

    A hash of seven characters stands before each node, and its depth is that of the indent. Of a
    node that is not stored there is only the name.
    """
    lines: list[str] = []
    seen: set[str] = set()
    stack = [(graph.root, "", 0)]
    while stack:
        id_, name, depth = stack.pop()
        if id_ in seen:
            continue
        seen.add(id_)
        document = graph.documents.get(id_)
        mark = " " * (_INDENT * depth) + ("^" if depth else "")
        shown = f"{name} (not stored)" if document is None else shown_node(document)
        lines.append(f"{id_[:_SHOWN_OF_HASH]}  {mark}{shown}")
        below = [] if document is None else graph.edges(id_, scope)
        stack.extend(reversed([(id_of(edge), edge["name"], depth + 1) for edge in below]))
    return "\n".join([*lines, ""])


def shown_node(document: Json) -> str:
    """Return a node as Spack writes it on one line."""
    parameters: Json = native_node(document).get("parameters") or {}
    namespace = f"{document['namespace']}." if document["namespace"] else ""
    parts = [f"{namespace}{document['name']}@{document['version']}"]
    compilers = document["compilers"]
    legacy = [each for each in compilers if each["hash"] is None]
    parts[0] += "".join(f"%{each['name']}@{each['version']}" for each in legacy)
    flags = {name: values for name, values in document["flags"].items() if name in parameters}
    parts += [f"{name}={_value(' '.join(values))}" for name, values in sorted(flags.items())]
    variants = {name: value for name, value in parameters.items() if name not in FLAGS}
    switches = "".join(
        f"{'+' if value else '~'}{name}"
        for name, value in sorted(variants.items())
        if isinstance(value, bool)
    )
    parts += [switches] if switches else []
    parts += [
        f"{name}={_value(_joined(value))}"
        for name, value in sorted(variants.items())
        if not isinstance(value, bool)
    ]
    for name in ("platform", "os", "target"):
        parts += [f"{name}={document[name]}"] if document[name] else []
    parts += [
        f"%{','.join(each['languages'])}={each['name']}@{each['version']}"
        for each in compilers
        if each["hash"] is not None
    ]
    return " ".join(parts)


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)


def _value(text: str) -> str:
    return f"'{text}'" if " " in text or not text else text
