"""The graph of concrete Spack specs, from the JSON that Spack writes, formats 1 to 5 and newer.

Nodes are held by key: the hash that tells them apart in the file they came from. That is the DAG
hash, save in lockfiles of versions 2 and 3, where several nodes share one and the `build_hash` is
the key. Names are no keys: two nodes of one name in a graph are normal. Nothing here copies or
changes the JSON, whose key order is a part of the hash, and nothing recurses: all work is linear in
the number of nodes and edges.

Errors name their place in the JSON, as `spec.nodes[3].dependencies[0]`.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple, TypeVar

from models.errors import ParseError

JsonObject = dict[str, Any]

DEPENDENCY_TYPES = ("build", "link", "run", "test")
LINK_RUN = frozenset({"link", "run"})
BUILD = frozenset({"build", "link", "run"})
LANGUAGES = ("c", "cxx", "fortran")
FLAGS = frozenset({"cflags", "cppflags", "cxxflags", "fflags", "ldflags", "ldlibs"})
HASH_NAMES = ("hash", "full_hash", "build_hash")
_TYPES = frozenset(DEPENDENCY_TYPES)
_TOLD_TYPES = ", ".join(DEPENDENCY_TYPES)
_UNTYPED = ("build", "link")
_BUILT_AS = ("build_spec",)
_HASH = re.compile(r"[a-z0-9]{32,64}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
_VERSION = re.compile(r"[!-~]{1,1000}")
_PLAIN_KEY = re.compile(r"[\w-]+", re.ASCII)
_SHOWN_OF_KEY = 100
_SHOWN_OF_CYCLE = 8
_LISTS = (list, tuple)
_JSON_NAMES = {dict: "an object", list: "a list", str: "text", bool: "true or false"}

T = TypeVar("T")


class SpecError(ParseError):
    """A spec document is not what Spack writes; `path` is the place in its JSON."""

    def __init__(self, reason: str, path: str, detail: str) -> None:
        super().__init__(reason, f"{path or 'the document'}: {detail}")
        self.path = path
        self.text = detail

    def __reduce__(self) -> tuple[type["SpecError"], tuple[str, str, str]]:  # type: ignore[override]
        return type(self), (self.reason, self.path, self.text)


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler of a node; formats 1 to 4 know neither its hash nor its languages."""

    name: str
    version: str | None
    hash: str | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A node in a file, not read yet.

    `name` is given where the file has it outside of the node's JSON (format 1), and `key` where the
    nodes are a map; `key_name` says which of the hashes the keys of that map are.
    """

    native: Any
    place: str
    name: str | None = None
    key: str | None = None
    key_name: str = "hash"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One concrete package; `native` is its JSON, without the name around it in format 1."""

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
    """The spec that a spliced node was built as: its key, or its hash when it is not there."""

    @property
    def hashes(self) -> tuple[str, ...]:
        """All the hashes that something may refer to the node by, each once, its own first."""
        known = (self.hash, self.full_hash, self.build_hash, self.key)
        return tuple(dict.fromkeys(value for value in known if value))

    @property
    def parameters(self) -> JsonObject:
        """Variants and compiler flags, as they are in the JSON."""
        return _object(self.native.get("parameters"))

    @property
    def variants(self) -> JsonObject:
        """The parameters that are no compiler flags."""
        return {name: value for name, value in self.parameters.items() if name not in FLAGS}

    @property
    def external(self) -> JsonObject | None:
        """Where a package is that Spack did not build: path, module, extra_attributes."""
        return self.native.get("external")

    @property
    def annotations(self) -> JsonObject:
        """What Spack notes about the node: the format that it was first written in."""
        return _object(self.native.get("annotations"))

    @property
    def original_format(self) -> int | None:
        """The format that the node was first written in, where that is noted."""
        number = self.annotations.get("original_specfile_version")
        return number if isinstance(number, int) else None


class Edge(NamedTuple):
    """A dependency; a spliced graph may have one of no type at all.

    `child` is the key of a node, or, for an edge of `Graph.missing`, the hash that no node has.
    """

    parent: str
    child: str
    name: str
    deptypes: tuple[str, ...]
    virtuals: tuple[str, ...]
    place: str

    def has_type(self, types: Collection[str] | None) -> bool:
        """Tell whether it is of one of the types; None means any, also none at all."""
        return types is None or not set(self.deptypes).isdisjoint(types)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Nodes by key in the order of the file, and the edges between them in the order of the JSON.

    `missing` are the edges to nodes that the file does not have; `incomplete` has one of them for
    each node that is above such an edge. `problems` are the nodes that were left out, by key.
    """

    format: int
    meta: JsonObject
    nodes: Mapping[str, Node]
    edges: Mapping[str, tuple[Edge, ...]]
    parents: Mapping[str, tuple[Edge, ...]]
    missing: tuple[Edge, ...] = ()
    incomplete: Mapping[str, Edge] = field(default_factory=dict)
    problems: Mapping[str, SpecError] = field(default_factory=dict)

    @property
    def is_spliced(self) -> bool:
        """Whether any node of it was spliced: then its hashes need not follow from contents."""
        return any(node.build_spec is not None for node in self.nodes.values())

    def dependencies(self, key: str, types: Collection[str] | None = None) -> tuple[Edge, ...]:
        """Return the edges from a node to what it depends on directly."""
        return tuple(edge for edge in self.edges.get(key, ()) if edge.has_type(types))

    def closure(self, key: str, types: Collection[str] | None = None) -> tuple[str, ...]:
        """Return what a node depends on along edges of these types, itself left out, preorder."""
        return _reached(key, lambda at: [e.child for e in self.dependencies(at, types)])[1:]

    def document_keys(self, key: str) -> tuple[str, ...]:
        """Return the nodes of the document of a node, in the order in which Spack writes them.

        That is preorder over edges of all types; after a spliced node come the nodes of the spec
        that it was built as.
        """
        return _reached(key, self._written_after)

    def _written_after(self, key: str) -> list[str]:
        children = [edge.child for edge in self.edges.get(key, ())]
        built_as = self.nodes[key].build_spec
        return [built_as, *children] if built_as and built_as in self.nodes else children

    def compilers(self, key: str) -> tuple[Compiler, ...]:
        """Return the compilers of a node: nodes in formats since 5, attributes in older ones."""
        found = tuple(self._compiler_nodes(key))
        return found or tuple(_noted_compiler(self.nodes[key]))

    def _compiler_nodes(self, key: str) -> Iterator[Compiler]:
        for edge in self.edges.get(key, ()):
            languages = tuple(name for name in LANGUAGES if name in edge.virtuals)
            if languages and "build" in edge.deptypes:
                node = self.nodes[edge.child]
                yield Compiler(node.name, node.version, node.hash, languages)

    def subdocument(self, key: str) -> JsonObject:
        """Return the document that Spack would write for a node as root; nodes are not copied.

        Where a node is known by a hash that its JSON does not state (nodes of old lockfiles), the
        hash is added to it: edges would lead nowhere otherwise.
        """
        nodes = [self.nodes[each] for each in self.document_keys(key)]
        if self.format == 1:
            return {"spec": [{node.name: _stated(node, without_name=True)} for node in nodes]}
        return {"spec": {"_meta": self.meta, "nodes": [_stated(node) for node in nodes]}}


def _stated(node: Node, *, without_name: bool = False) -> JsonObject:
    native = node.native
    if without_name and "name" in native:
        native = {key: value for key, value in native.items() if key != "name"}
    if not any(native.get(name) == node.key for name in HASH_NAMES):
        native = {**native, node.key_name: node.key}
    return native


def _noted_compiler(node: Node) -> Iterator[Compiler]:
    """Give the compiler of a node of an old format: of its own, or as a newer Spack noted it."""
    compiler = node.native.get("compiler")
    noted = node.annotations.get("compiler")
    if isinstance(compiler, dict) and isinstance(compiler.get("name"), str):
        version = compiler.get("version")
        yield Compiler(compiler["name"], version if isinstance(version, str) else None)
    elif isinstance(noted, str) and noted:
        name, _, version = noted.partition("@")
        yield Compiler(name, version.removeprefix("=") or None)


def _reached(start: str, following: Callable[[str], list[str]]) -> tuple[str, ...]:
    """Return `start` and all that can be reached from it, each once, in preorder."""
    seen: dict[str, None] = {}
    stack = [start]
    while stack:
        at = stack.pop()
        if at not in seen:
            seen[at] = None
            stack.extend(reversed(following(at)))
    return tuple(seen)


def graph_of(document: Any, place: str = "") -> Graph:
    """Return the graph of a spec document, `{"spec": …}`, whose first node is its root.

    SpecError for anything that a concrete spec document cannot be: `not_a_spec`, `no_format`,
    `wrong_type`, `bad_name`, `bad_version`, `abstract`, `no_hash`, `duplicate_node`, `dangling`,
    `wrong_name`, `cycle`.
    """
    spec = document.get("spec") if isinstance(document, dict) else None
    where = join_place(place, "spec")
    if isinstance(spec, list):
        entries = [entry_of(each, f"{where}[{i}]") for i, each in enumerate(spec)]
        graph = assemble(entries, 1)
    elif isinstance(spec, dict):
        version, nodes = _head(spec, where)
        entries = [Entry(each, f"{where}.nodes[{i}]") for i, each in enumerate(nodes)]
        graph = assemble(entries, version, spec["_meta"])
    else:
        raise SpecError("not_a_spec", where, "neither a list nor an object of nodes")
    _require_whole(graph, where)
    return graph


def _require_whole(graph: Graph, where: str) -> None:
    for problem in graph.problems.values():
        raise problem
    for edge in graph.missing:
        raise dangling(edge)
    if not graph.nodes:
        raise SpecError("not_a_spec", where, "there are no nodes")


def dangling(edge: Edge) -> SpecError:
    """Return the error of an edge to a node that is not there."""
    return SpecError("dangling", edge.place, f"no node {edge.name} has the hash {edge.child}")


def join_place(place: str, key: str) -> str:
    """Return the place of a key in an object, of a very long key its beginning."""
    shown = key[:_SHOWN_OF_KEY]
    if _PLAIN_KEY.fullmatch(shown) is None:
        shown = json.dumps(shown)
    return f"{place}.{shown}" if place else shown


def _head(spec: JsonObject, where: str) -> tuple[int, list[Any]]:
    meta, nodes = spec.get("_meta"), spec.get("nodes")
    version = meta.get("version") if isinstance(meta, dict) else None
    if isinstance(version, bool) or not isinstance(version, int | float) or version != int(version):
        raise SpecError("no_format", join_place(where, "_meta"), "states no version of the format")
    if version < 2:
        raise SpecError("no_format", join_place(where, "_meta"), f"{version} has no such form")
    if not isinstance(nodes, list):
        raise SpecError("wrong_type", join_place(where, "nodes"), "not a list")
    return int(version), nodes


def entry_of(native: Any, place: str, key: str | None = None, key_name: str = "hash") -> Entry:
    """Return the entry of a node; in format 1 it is an object with the name as its single key."""
    if isinstance(native, dict) and len(native) == 1:
        ((name, inner),) = native.items()
        return Entry(inner, join_place(place, name), name, key, key_name)
    return Entry(native, place, None, key, key_name)


def assemble(entries: Iterable[Entry], version: int, meta: JsonObject | None = None) -> Graph:
    """Return the graph of the entries that can be read; `problems` tells of the others.

    Every node of a cycle, or above one, is left out. An edge to a node that is left out is missing.
    """
    problems: dict[str, SpecError] = {}
    nodes = _read_nodes(entries, problems)
    links = _read_links(nodes, problems)
    missing = _take_missing(links)
    order = _from_leaves(links)
    _leave_cycles_out(links, order, problems)
    nodes = {key: nodes[key] for key in links}
    edges = {
        key: tuple(e for e in found if e.deptypes != _BUILT_AS) for key, found in links.items()
    }
    return Graph(
        format=version,
        meta={"version": version} if meta is None else meta,
        nodes={key: _with_build_spec(node, links[key]) for key, node in nodes.items()},
        edges=edges,
        parents=_parents(edges),
        missing=tuple(edge for key in nodes for edge in missing.get(key, ())),
        incomplete=_incomplete(links, missing, order),
        problems=problems,
    )


def _read_nodes(entries: Iterable[Entry], problems: dict[str, SpecError]) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for entry in entries:
        try:
            node = _read_node(entry)
            other = nodes.setdefault(node.key, node)
            if other.native != node.native:
                raise SpecError("duplicate_node", entry.place, f"{other.place} has its hash too")
        except SpecError as error:
            problems[entry.key or entry.place] = error
    return nodes


def _read_node(entry: Entry) -> Node:
    native, place = _checked(entry.native, dict, entry.place), entry.place
    name = entry.name if entry.name is not None else _required(native, "name", str, place)
    if native.get("concrete") is False or "versions" in native:
        raise SpecError("abstract", place, f"{name} is not concrete")
    for part in ("parameters", "annotations", "external"):
        _optional(native, part, dict, place)
    arch = _optional(native, "arch", dict, place) or {}
    target, built_as = arch.get("target"), _optional(native, "build_spec", dict, place)
    at_arch, at_target = f"{place}.arch", ["target"]
    if isinstance(target, dict):
        target, at_target = target.get("name"), ["target", "name"]
    hashes = _hashes(native, place)
    key = _key(entry, hashes)
    return Node(
        key=key,
        key_name=entry.key_name,
        place=place,
        native=native,
        name=_fitting(_NAME, name, place, "name"),
        version=_fitting(_VERSION, _required(native, "version", str, place), place, "version"),
        namespace=_optional(native, "namespace", str, place),
        platform=_optional(arch, "platform", str, at_arch),
        os=_optional(arch, "platform_os", str, at_arch),
        target=None if target is None else _checked(target, str, at_arch, *at_target),
        hash=hashes.get("hash", key),
        full_hash=hashes.get("full_hash"),
        build_hash=hashes.get("build_hash", key if entry.key_name == "build_hash" else None),
        build_spec=None if built_as is None else _referred(built_as, place, "build_spec"),
    )


def _hashes(native: JsonObject, place: str) -> dict[str, str]:
    stated = {name: native[name] for name in HASH_NAMES if native.get(name) is not None}
    for name, value in stated.items():
        if not isinstance(value, str) or _HASH.fullmatch(value) is None:
            raise SpecError("wrong_type", f"{place}.{name}", "not a hash of Spack")
    return stated


def _key(entry: Entry, hashes: Mapping[str, str]) -> str:
    key = entry.key or next(iter(hashes.values()), None)
    if key is None:
        raise SpecError("no_hash", entry.place, "a concrete node has a hash")
    if _HASH.fullmatch(key) is None:
        raise SpecError("wrong_type", entry.place, "the key is not a hash of Spack")
    if hashes.get(entry.key_name, key) != key:
        raise SpecError("wrong_key", entry.place, f"the node states {hashes[entry.key_name]}")
    return key


def _checked(value: Any, kind: type[T], place: str, *keys: str | int) -> T:
    """Return a value that is of the kind; SpecError with its place, to which the keys lead."""
    if not isinstance(value, kind):
        found = "nothing" if value is None else _JSON_NAMES.get(type(value), "a number")
        detail = f"{_JSON_NAMES[kind]} is expected, {found} is there"
        raise SpecError("wrong_type", _joined(place, keys), detail)
    return value


def _joined(place: str, keys: Iterable[str | int]) -> str:
    for key in keys:
        place = f"{place}[{key}]" if isinstance(key, int) else join_place(place, key)
    return place


def _required(parent: JsonObject, key: str, kind: type[T], place: str) -> T:
    return _checked(parent.get(key), kind, place, key)


def _optional(parent: JsonObject, key: str, kind: type[T], place: str) -> T | None:
    value = parent.get(key)
    return None if value is None else _checked(value, kind, place, key)


def _fitting(pattern: re.Pattern[str], text: str, place: str, key: str) -> str:
    """Return a text that may be the name or the version of a package."""
    if pattern.fullmatch(text) is None:
        raise SpecError(f"bad_{key}", join_place(place, key), f"no package has such a {key}")
    return text


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _referred(reference: JsonObject, place: str, *keys: str | int) -> str:
    """Return the hash that an edge or a build_spec names a node by: of old formats any of three."""
    for name in HASH_NAMES:
        if name in reference:
            return _checked(reference[name], str, place, *keys, name)
    raise SpecError("no_hash", _joined(place, keys), "names no hash")


class _Index:
    """Finds a node by its name and any of its hashes."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._others: dict[tuple[str, str], set[str]] = {}
        for key, node in nodes.items():
            for other in node.hashes:
                if other != key:
                    self._others.setdefault((node.name, other), set()).add(key)

    def key_of(self, name: str, stated: str, place: str) -> str:
        """Return the key of a node, or the stated hash when there is no such node."""
        node = self._nodes.get(stated)
        if node is not None and node.name == name:
            return stated
        others = self._others.get((name, stated), set())
        if len(others) > 1:
            raise SpecError("ambiguous", place, f"several nodes {name} have the hash {stated}")
        if node is not None and not others:
            raise SpecError("wrong_name", place, f"{stated} is {node.name} and not {name}")
        return next(iter(others), stated)


_Links = dict[str, list[Edge]]
"""The edges by parent; what a spliced node was built as is one of them, of type `build_spec`."""


def _read_links(nodes: Mapping[str, Node], problems: dict[str, SpecError]) -> _Links:
    index = _Index(nodes)
    links: _Links = {}
    for key, node in nodes.items():
        try:
            links[key] = [*_built_as(node, index), *_dependencies(node, index)]
        except SpecError as error:
            problems[key] = error
    return links


def _built_as(node: Node, index: _Index) -> Iterator[Edge]:
    if node.build_spec is not None:
        place = f"{node.place}.build_spec"
        name = _optional(node.native["build_spec"], "name", str, place) or node.name
        key = index.key_of(name, node.build_spec, place)
        yield Edge(node.key, key, name, _BUILT_AS, (), place)


def _with_build_spec(node: Node, links: Iterable[Edge]) -> Node:
    for edge in links:
        if edge.deptypes == _BUILT_AS:
            return replace(node, build_spec=edge.child)
    return node


def _dependencies(node: Node, index: _Index) -> Iterator[Edge]:
    for name, stated, place in _dependency_entries(node):
        parameters = _optional(stated, "parameters", dict, place) or stated
        types = _texts(parameters.get("deptypes", stated.get("type", ())), place)
        if not _TYPES.issuperset(types):
            raise SpecError("wrong_type", place, f"of a type that is none of {_TOLD_TYPES}")
        yield Edge(
            parent=node.key,
            child=index.key_of(name, _referred(stated, place), place),
            name=name,
            deptypes=types,
            virtuals=_texts(parameters.get("virtuals", ()), place),
            place=place,
        )


def _dependency_entries(node: Node) -> Iterator[tuple[str, JsonObject, str]]:
    """Give name, JSON and place of each dependency: a list since format 2, before it an object.

    The oldest documents give the hash alone; Spack takes such an edge for build and link.
    """
    where = f"{node.place}.dependencies"
    stated = node.native.get("dependencies")
    if isinstance(stated, dict):
        for name, each in stated.items():
            place = join_place(where, name)
            each = {"hash": each, "type": list(_UNTYPED)} if isinstance(each, str) else each
            yield name, _checked(each, dict, place), place
    elif stated is not None:
        for i, each in enumerate(_checked(stated, list, where)):
            place = f"{where}[{i}]"
            yield _required(_checked(each, dict, place), "name", str, place), each, place


def _texts(value: Any, place: str) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if isinstance(values, _LISTS):
        try:
            return _names(tuple(values))
        except TypeError:
            pass
    raise SpecError("wrong_type", place, "types and virtuals are lists of names")


@lru_cache(maxsize=1024)
def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return one object for the same names, of which there are few; TypeError for other values."""
    return tuple(map(intern, values))


def _take_missing(links: _Links) -> _Links:
    """Take the edges to nodes that are not there out of `links`, and return them."""
    missing: _Links = {}
    for key, edges in links.items():
        gone = [edge for edge in edges if edge.child not in links]
        if gone:
            missing[key] = gone
            links[key] = [edge for edge in edges if edge.child in links]
    return missing


def _from_leaves(links: _Links) -> list[str]:
    """Return the nodes, each after all that it depends on; without those that reach a cycle."""
    above: dict[str, list[str]] = {}
    waiting = {key: len(edges) for key, edges in links.items()}
    for key, edges in links.items():
        for edge in edges:
            above.setdefault(edge.child, []).append(key)
    order = [key for key, count in waiting.items() if not count]
    for key in order:
        for parent in above.get(key, ()):
            waiting[parent] -= 1
            if not waiting[parent]:
                order.append(parent)
    return order


def _leave_cycles_out(links: _Links, order: list[str], problems: dict[str, SpecError]) -> None:
    if len(order) == len(links):
        return
    sound = set(order)
    error = _cycle(links, sound)
    for key in [key for key in links if key not in sound]:
        problems[key] = error
        del links[key]


def _cycle(links: _Links, sound: Collection[str]) -> SpecError:
    """Return the error of a cycle: from any node that is not sound, one leads to it."""
    at = next(key for key in links if key not in sound)
    walked: dict[str, Edge] = {}
    while at not in walked:
        walked[at] = next(edge for edge in links[at] if edge.child not in sound)
        at = walked[at].child
    round_trip = list(walked)[list(walked).index(at) :]
    names = [walked[key].name for key in round_trip[:_SHOWN_OF_CYCLE]]
    if len(round_trip) > _SHOWN_OF_CYCLE:
        names.append(f"… {len(round_trip)} in all")
    return SpecError("cycle", walked[at].place, f"dependencies go round: {' → '.join(names)}")


def _parents(edges: Mapping[str, Iterable[Edge]]) -> dict[str, tuple[Edge, ...]]:
    parents: dict[str, list[Edge]] = {}
    for found in edges.values():
        for edge in found:
            parents.setdefault(edge.child, []).append(edge)
    return {key: tuple(found) for key, found in parents.items()}


def _incomplete(links: _Links, missing: _Links, order: Iterable[str]) -> dict[str, Edge]:
    found: dict[str, Edge] = {}
    for key in order:
        if key in missing:
            found[key] = missing[key][0]
            continue
        below = next((edge.child for edge in links[key] if edge.child in found), None)
        if below is not None:
            found[key] = found[below]
    return found
