"""The graph of concrete Spack specs: nodes, edges, and what follows from them.

Nodes are identified by a key: the hash that distinguishes them in their file. This is the DAG hash,
except in lockfiles of versions 2 and 3, in which several nodes share a DAG hash and the
`build_hash` is the key. A name is no key, since a graph may well contain two nodes of one name.

The JSON of a node is neither copied nor changed, because the order of its keys is part of the hash.
Nothing here recurses, and all work is linear in the number of nodes and edges.
`models.spack.native` reads the JSON of Spack into a graph.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from models.json.places import JsonError

JsonObject = dict[str, Any]

DEPENDENCY_TYPES = ("build", "link", "run", "test")
LINK_RUN = frozenset({"link", "run"})
BUILD = frozenset({"build", "link", "run"})
LANGUAGES = ("c", "cxx", "fortran")
FLAGS = frozenset({"cflags", "cppflags", "cxxflags", "fflags", "ldflags", "ldlibs"})
HASH_NAMES = ("hash", "full_hash", "build_hash")


class SpecError(JsonError):
    """A spec document is not what Spack writes; `path` is e.g. `spec.nodes[3].dependencies[0]`."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler of a node; formats 1 to 4 state neither its hash nor its languages."""

    name: str
    version: str | None
    hash: str | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One concrete package; `native` is its JSON, in format 1 without the object around it."""

    key: str
    key_name: str
    place: str
    native: JsonObject
    name: str
    version: str
    namespace: str | None
    platform: str | None
    os: str | None
    target: str | None
    hash: str
    full_hash: str | None
    build_hash: str | None
    build_spec: str | None
    """The spec that a spliced node was built as: its key, or its hash when it is not in the file.
    """

    @property
    def hashes(self) -> tuple[str, ...]:
        """All distinct hashes by which the node may be referred to, `hash` first."""
        hashes = (self.hash, self.full_hash, self.build_hash, self.key)
        return tuple(dict.fromkeys(hash_ for hash_ in hashes if hash_))

    @property
    def parameters(self) -> JsonObject:
        """Variants and compiler flags, unchanged from the JSON."""
        return _object(self.native.get("parameters"))

    @property
    def variants(self) -> JsonObject:
        """The parameters that are not compiler flags."""
        return {name: value for name, value in self.parameters.items() if name not in FLAGS}

    @property
    def external(self) -> JsonObject | None:
        """The location of a package that Spack did not build: path, module, extra_attributes."""
        return self.native.get("external")

    @property
    def annotations(self) -> JsonObject:
        """Spack's notes about the node, such as the format in which it was first written."""
        return _object(self.native.get("annotations"))

    @property
    def original_format(self) -> int | None:
        """The format in which the node was first written, if it is noted."""
        number = self.annotations.get("original_specfile_version")
        return number if type(number) is int else None


class Edge(NamedTuple):
    """A dependency; in a spliced graph it may have no type at all.

    `child` is the key of a node, or, in `Graph.missing`, a hash that no node has.
    """

    parent: str
    child: str
    name: str
    deptypes: tuple[str, ...]
    virtuals: tuple[str, ...]
    place: str

    def has_type(self, types: Collection[str] | None) -> bool:
        """Return whether it is of one of the types; None accepts every edge, also without types."""
        return types is None or not set(self.deptypes).isdisjoint(types)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Nodes by key in the order of the file, and the edges between them in the order of the JSON.

    `missing` are the edges to nodes that are not in the file. `incomplete` maps the key of each
    node that has such an edge, or depends on a node that has one, to one of these edges. `problems`
    maps the keys of omitted nodes to the reasons. `is_spliced` says that a node was spliced; then
    hashes need not follow from contents.
    """

    format: int
    meta: JsonObject
    nodes: Mapping[str, Node]
    edges: Mapping[str, tuple[Edge, ...]]
    parents: Mapping[str, tuple[Edge, ...]]
    missing: tuple[Edge, ...] = ()
    incomplete: Mapping[str, Edge] = field(default_factory=dict)
    problems: Mapping[str, SpecError] = field(default_factory=dict)
    is_spliced: bool = False

    def dependencies(self, key: str, types: Collection[str] | None = None) -> tuple[Edge, ...]:
        """Return the edges from a node to its direct dependencies."""
        return tuple(edge for edge in self.edges.get(key, ()) if edge.has_type(types))

    def closure(self, key: str, types: Collection[str] | None = None) -> tuple[str, ...]:
        """Return the dependencies of a node along edges of these types, in preorder."""
        return _reachable(key, lambda at: [e.child for e in self.dependencies(at, types)])[1:]

    def document_keys(self, key: str) -> tuple[str, ...]:
        """Return the nodes of the document of a node, in the order in which Spack writes them.

        This is preorder over edges of all types, with the nodes of the spec that a spliced node was
        built as right after that node.
        """
        return _reachable(key, self.written_after)

    def leaves_first(self) -> Iterator[str]:
        """Yield all nodes, each after those that `written_after` returns for it."""
        done: set[str] = set()
        for start in self.nodes:
            stack = [(start, False)]
            while stack:
                key, is_expanded = stack.pop()
                if key in done:
                    continue
                if is_expanded:
                    done.add(key)
                    yield key
                    continue
                stack.append((key, True))
                stack += [(child, False) for child in self.written_after(key) if child not in done]

    def written_after(self, key: str) -> list[str]:
        """Return the nodes that Spack writes right after a node, those that are in the file."""
        children = [edge.child for edge in self.edges.get(key, ())]
        built_as = self.nodes[key].build_spec
        return [built_as, *children] if built_as and built_as in self.nodes else children

    def compilers(self, key: str) -> tuple[Compiler, ...]:
        """Return the compilers of a node: nodes since format 5, attributes before."""
        compilers = tuple(self._compiler_nodes(key))
        return compilers or tuple(_noted_compiler(self.nodes[key]))

    def _compiler_nodes(self, key: str) -> Iterator[Compiler]:
        for edge in self.edges.get(key, ()):
            languages = tuple(name for name in LANGUAGES if name in edge.virtuals)
            if languages and "build" in edge.deptypes:
                node = self.nodes[edge.child]
                yield Compiler(node.name, node.version, node.hash, languages)

    def subdocument(self, key: str) -> JsonObject:
        """Return the document that Spack would write with a node as root; nodes are not copied.

        A node of an old lockfile may be known by a hash that its JSON does not state. Then the hash
        is added to the JSON, because otherwise edges could not refer to it.
        """
        nodes = [self.nodes[node_key] for node_key in self.document_keys(key)]
        if self.format == 1:
            return {"spec": [{node.name: _with_key(node, without_name=True)} for node in nodes]}
        return {"spec": {"_meta": self.meta, "nodes": [_with_key(node) for node in nodes]}}


def _with_key(node: Node, *, without_name: bool = False) -> JsonObject:
    native = node.native
    if without_name and "name" in native:
        native = {key: value for key, value in native.items() if key != "name"}
    if not any(native.get(name) == node.key for name in HASH_NAMES):
        native = {**native, node.key_name: node.key}
    return native


def _noted_compiler(node: Node) -> Iterator[Compiler]:
    """Yield the compiler of a node of an old format.

    It is an attribute, or, when a newer Spack has rewritten the node, an annotation.
    """
    compiler = node.native.get("compiler")
    annotation = node.annotations.get("compiler")
    if isinstance(compiler, dict) and isinstance(compiler.get("name"), str):
        version = compiler.get("version")
        yield Compiler(compiler["name"], version if isinstance(version, str) else None)
    elif isinstance(annotation, str) and annotation:
        name, _, version = annotation.partition("@")
        yield Compiler(name, version.removeprefix("=") or None)


def _reachable(start: str, following: Callable[[str], list[str]]) -> tuple[str, ...]:
    """Return `start` and everything reachable from it, each once, in preorder."""
    seen: dict[str, None] = {}
    stack = [start]
    while stack:
        at = stack.pop()
        if at not in seen:
            seen[at] = None
            stack.extend(reversed(following(at)))
    return tuple(seen)


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
