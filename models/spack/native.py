"""Reading the JSON of Spack into a graph: formats 1 to 5 and newer.

    format     document                               dependencies of a node
    1          {"spec": [{name: node}, …]}            {name: {hash, type}, …} or {name: hash, …}
    2, newer   {"spec": {"_meta": {"version": 2},     [{name, hash, type}, …]
                         "nodes": [node, …]}}

The first node of a document is its root. Lockfiles, database indexes and listings hold their nodes
in other ways; for these, `assemble` takes the nodes as entries.

Errors name their place in the JSON, such as `spec.nodes[3].dependencies[0]`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar

from models.json.places import join_place
from models.spack.graph import (
    DEPENDENCY_TYPES,
    HASH_NAMES,
    Edge,
    Graph,
    JsonObject,
    Node,
    SpecError,
)

_TYPES = frozenset(DEPENDENCY_TYPES)
_DEFAULT_TYPES = ("build", "link")
_BUILT_AS = ("build_spec",)
_HASH = re.compile(r"[a-z0-9]{32,64}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
_VERSION = re.compile(r"[!-~]{1,1000}")
_SHOWN_CYCLE_LENGTH = 8
_LISTS = (list, tuple)
_JSON_NAMES = {dict: "an object", list: "a list", str: "text", bool: "true or false"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A node of a file that has not been read yet.

    `name` is set when the file states it outside the JSON of the node (format 1). `key` is set when
    the nodes of the file are a map; `key_name` says which of the hashes the keys of this map are.
    """

    native: Any
    place: str
    name: str | None = None
    key: str | None = None
    key_name: str = "hash"


def graph_of(document: Any, place: str = "") -> Graph:
    """Return the graph of a whole spec document, `{"spec": …}`, whose first node is its root.

    Raise SpecError for anything that is not a concrete spec document. The reason is `not_a_spec`,
    `no_format`, `wrong_type`, `bad_name`, `bad_version`, `abstract`, `no_hash`, `duplicate_node`,
    `dangling`, `wrong_name` or `cycle`.
    """
    spec = document.get("spec") if isinstance(document, dict) else None
    where = join_place(place, "spec")
    if isinstance(spec, list):
        entries = [entry_of(native, f"{where}[{i}]") for i, native in enumerate(spec)]
        graph = assemble(entries, 1)
    elif isinstance(spec, dict):
        version, nodes = _head(spec, where)
        entries = [Entry(native, f"{where}.nodes[{i}]") for i, native in enumerate(nodes)]
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
    """Return the error for an edge to a node that is not in the file."""
    return SpecError("dangling", edge.place, f"no node {edge.name} has the hash {edge.child}")


def _head(spec: JsonObject, where: str) -> tuple[int, list[Any]]:
    meta, nodes = spec.get("_meta"), spec.get("nodes")
    version = meta.get("version") if isinstance(meta, dict) else None
    if isinstance(version, bool) or not isinstance(version, int | float) or version != int(version):
        raise SpecError(
            "no_format", join_place(where, "_meta"), "does not state the format version"
        )
    if version < 2:
        detail = f"documents of format {version} have another structure"
        raise SpecError("no_format", join_place(where, "_meta"), detail)
    if not isinstance(nodes, list):
        raise SpecError("wrong_type", join_place(where, "nodes"), "not a list")
    return int(version), nodes


def entry_of(native: Any, place: str, key: str | None = None, key_name: str = "hash") -> Entry:
    """Return the entry of a node, which in format 1 is an object with the name as its only key."""
    if isinstance(native, dict) and len(native) == 1:
        ((name, inner),) = native.items()
        return Entry(inner, join_place(place, name), name, key, key_name)
    return Entry(native, place, None, key, key_name)


def assemble(entries: Iterable[Entry], version: int, meta: JsonObject | None = None) -> Graph:
    """Return the graph of the readable entries; `Graph.problems` has the errors of the others.

    Nodes in a cycle, and nodes that depend on one, are omitted. An edge to an omitted node becomes
    one of `Graph.missing`.
    """
    problems: dict[str, SpecError] = {}
    nodes = _read_nodes(entries, problems)
    links = _read_links(nodes, problems)
    missing = _take_missing(links)
    order = _from_leaves(links)
    _remove_cycles(links, order, problems)
    nodes = {key: nodes[key] for key in links}
    edges = {
        key: tuple(link for link in node_links if link.deptypes != _BUILT_AS)
        for key, node_links in links.items()
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
        is_spliced=any(node.build_spec is not None for node in nodes.values()),
    )


def _read_nodes(entries: Iterable[Entry], problems: dict[str, SpecError]) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for entry in entries:
        try:
            node = _read_node(entry)
            other = nodes.setdefault(node.key, node)
            if other.native != node.native:
                detail = f"{other.place} has the same hash and another content"
                raise SpecError("duplicate_node", entry.place, detail)
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
        name=_matched(_NAME, name, place, "name"),
        version=_matched(_VERSION, _required(native, "version", str, place), place, "version"),
        namespace=_optional(native, "namespace", str, place),
        platform=_optional(arch, "platform", str, at_arch),
        os=_optional(arch, "platform_os", str, at_arch),
        target=None if target is None else _checked(target, str, at_arch, *at_target),
        hash=hashes.get("hash", key),
        full_hash=hashes.get("full_hash"),
        build_hash=hashes.get("build_hash", key if entry.key_name == "build_hash" else None),
        build_spec=None if built_as is None else _stated_hash(built_as, place, "build_spec"),
    )


def _hashes(native: JsonObject, place: str) -> dict[str, str]:
    stated = {name: native[name] for name in HASH_NAMES if native.get(name) is not None}
    for name, value in stated.items():
        if not isinstance(value, str) or _HASH.fullmatch(value) is None:
            raise SpecError("wrong_type", f"{place}.{name}", "not a Spack hash")
    return stated


def _key(entry: Entry, hashes: Mapping[str, str]) -> str:
    key = entry.key or next(iter(hashes.values()), None)
    if key is None:
        raise SpecError("no_hash", entry.place, "a concrete node must have a hash")
    if _HASH.fullmatch(key) is None:
        raise SpecError("wrong_type", entry.place, "the key is not a Spack hash")
    if hashes.get(entry.key_name, key) != key:
        detail = f"the key is not the hash {hashes[entry.key_name]} of the node"
        raise SpecError("wrong_key", entry.place, detail)
    return key


def _checked(value: Any, kind: type[T], place: str, *keys: str | int) -> T:
    """Return a value of the expected kind, or raise SpecError; `keys` lead from `place` to it."""
    if not isinstance(value, kind):
        actual = "nothing" if value is None else _JSON_NAMES.get(type(value), "a number")
        detail = f"expected {_JSON_NAMES[kind]}, found {actual}"
        raise SpecError("wrong_type", _place_below(place, keys), detail)
    return value


def _place_below(place: str, keys: Iterable[str | int]) -> str:
    for key in keys:
        place = f"{place}[{key}]" if isinstance(key, int) else join_place(place, key)
    return place


def _required(parent: JsonObject, key: str, kind: type[T], place: str) -> T:
    return _checked(parent.get(key), kind, place, key)


def _optional(parent: JsonObject, key: str, kind: type[T], place: str) -> T | None:
    value = parent.get(key)
    return None if value is None else _checked(value, kind, place, key)


def _matched(pattern: re.Pattern[str], text: str, place: str, key: str) -> str:
    """Return a name or a version if it matches `pattern`, else raise SpecError."""
    if pattern.fullmatch(text) is None:
        raise SpecError(f"bad_{key}", join_place(place, key), f"a package cannot have such a {key}")
    return text


def _stated_hash(reference: JsonObject, place: str, *keys: str | int) -> str:
    """Return the hash by which an edge or a build_spec refers to a node.

    In old formats it is any of `HASH_NAMES`.
    """
    for name in HASH_NAMES:
        if name in reference:
            return _checked(reference[name], str, place, *keys, name)
    raise SpecError("no_hash", _place_below(place, keys), "states no hash")


class _Index:
    """The nodes of a file by name and by any of their hashes."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._keys: dict[tuple[str, str], set[str]] = {}  # by name and a hash that is not the key
        for key, node in nodes.items():
            for hash_ in node.hashes:
                if hash_ != key:
                    self._keys.setdefault((node.name, hash_), set()).add(key)

    def key_of(self, name: str, stated: str, place: str) -> str:
        """Return the key of the node with this name and stated hash, or this hash if there is none.

        Raise SpecError when several nodes match, or only one with another name.
        """
        node = self._nodes.get(stated)
        if node is not None and node.name == name:
            return stated
        keys = self._keys.get((name, stated), set())
        if len(keys) > 1:
            raise SpecError("ambiguous", place, f"several nodes {name} have the hash {stated}")
        if node is not None and not keys:
            raise SpecError("wrong_name", place, f"{stated} is the hash of {node.name}, not {name}")
        return next(iter(keys), stated)


_Links = dict[str, list[Edge]]
"""The edges by parent. The spec that a spliced node was built as is one more, of type `build_spec`.
"""


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
    for link in links:
        if link.deptypes == _BUILT_AS:
            return replace(node, build_spec=link.child)
    return node


def _dependencies(node: Node, index: _Index) -> Iterator[Edge]:
    for name, stated, place in _dependency_entries(node):
        parameters = _optional(stated, "parameters", dict, place) or stated
        types = _texts(parameters.get("deptypes", stated.get("type", ())), place)
        if not _TYPES.issuperset(types):
            raise SpecError("wrong_type", place, f"a type is none of {', '.join(DEPENDENCY_TYPES)}")
        yield Edge(
            parent=node.key,
            child=index.key_of(name, _stated_hash(stated, place), place),
            name=name,
            deptypes=types if len(types) <= len(_TYPES) else tuple(dict.fromkeys(types)),
            virtuals=_texts(parameters.get("virtuals", ()), place),
            place=place,
        )


def _dependency_entries(node: Node) -> Iterator[tuple[str, JsonObject, str]]:
    """Yield name, JSON and place of each dependency.

    They are a list since format 2, and an object with the names as keys before. The oldest
    documents state only the hash; Spack assumes the types build and link for such an edge.
    """
    where = f"{node.place}.dependencies"
    stated = node.native.get("dependencies")
    if isinstance(stated, dict):
        for name, value in stated.items():
            place = join_place(where, name)
            if isinstance(value, str):
                yield name, {"hash": value, "type": list(_DEFAULT_TYPES)}, place
            else:
                yield name, _checked(value, dict, place), place
    elif stated is not None:
        for i, value in enumerate(_checked(stated, list, where)):
            place = f"{where}[{i}]"
            yield _required(_checked(value, dict, place), "name", str, place), value, place


def _texts(value: Any, place: str) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if isinstance(values, _LISTS):
        try:
            return _names(tuple(values))
        except TypeError:
            pass
    raise SpecError("wrong_type", place, "types and virtuals must be lists of names")


@lru_cache(maxsize=1024)
def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the same object for equal names, of which there are few; saves memory.

    Raise TypeError for values that are not text.
    """
    return tuple(map(intern, values))


def _take_missing(links: _Links) -> _Links:
    """Remove the edges to absent nodes from `links`, and return them."""
    missing: _Links = {}
    for key, edges in links.items():
        to_absent = [edge for edge in edges if edge.child not in links]
        if to_absent:
            missing[key] = to_absent
            links[key] = [edge for edge in edges if edge.child in links]
    return missing


def _from_leaves(links: _Links) -> list[str]:
    """Return the nodes that reach no cycle, in topological order, dependencies first."""
    parents: dict[str, list[str]] = {}
    unordered = {key: len(edges) for key, edges in links.items()}  # dependencies not in order yet
    for key, edges in links.items():
        for edge in edges:
            parents.setdefault(edge.child, []).append(key)
    order = [key for key, count in unordered.items() if not count]
    for key in order:  # grows while it is iterated over
        for parent in parents.get(key, ()):
            unordered[parent] -= 1
            if not unordered[parent]:
                order.append(parent)
    return order


def _remove_cycles(links: _Links, order: list[str], problems: dict[str, SpecError]) -> None:
    if len(order) == len(links):
        return
    sound = set(order)
    error = _cycle(links, sound)
    for key in [key for key in links if key not in sound]:
        problems[key] = error
        del links[key]


def _cycle(links: _Links, sound: Collection[str]) -> SpecError:
    """Return the error for a cycle, found by following edges from a node that is not sound."""
    at = next(key for key in links if key not in sound)
    walked: dict[str, Edge] = {}
    while at not in walked:
        walked[at] = next(edge for edge in links[at] if edge.child not in sound)
        at = walked[at].child
    cycle = list(walked)[list(walked).index(at) :]
    names = [walked[key].name for key in cycle[:_SHOWN_CYCLE_LENGTH]]
    if len(cycle) > _SHOWN_CYCLE_LENGTH:
        names.append(f"… {len(cycle)} in all")
    detail = f"the dependencies form a cycle: {' → '.join(names)}"
    return SpecError("cycle", walked[at].place, detail)


def _parents(edges: Mapping[str, Iterable[Edge]]) -> dict[str, tuple[Edge, ...]]:
    parents: dict[str, list[Edge]] = {}
    for node_edges in edges.values():
        for edge in node_edges:
            parents.setdefault(edge.child, []).append(edge)
    return {key: tuple(parent_edges) for key, parent_edges in parents.items()}


def _incomplete(links: _Links, missing: _Links, order: Iterable[str]) -> dict[str, Edge]:
    """Return, for each node above a missing edge, one such edge; `order` has dependencies first."""
    incomplete: dict[str, Edge] = {}
    for key in order:
        if key in missing:
            incomplete[key] = missing[key][0]
            continue
        child = next((edge.child for edge in links[key] if edge.child in incomplete), None)
        if child is not None:
            incomplete[key] = incomplete[child]
    return incomplete
