"""Whether a spec in a graph satisfies a query: the plain meaning of `models.spack.query`.

The search in MongoDB gives the same answers from what is stored; this one goes by the graph alone.

* `^name` asks for a node at any distance along link and run edges, or for the end of one of the
  spec's own edges of any type; `%name` asks for the latter. A name stands for a package, or, when
  no version is asked for, for a virtual package that an edge to the node provides: `^mpi`.
* Of a node at any distance, the edges that `^` follows to it have the types and virtuals asked for
  together: the spec's own edges, and the link and run edges of what it reaches along such edges. Of
  others, a single edge has all of them.
* A compiler of formats 1 to 4, of which only name and version are known, is a direct dependency
  of type build that provides all languages, from the namespace builtin. Its old name stands for
  the new one and the other way round.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from models.spack.clauses import merge_clauses
from models.spack.graph import LANGUAGES, LINK_RUN, Compiler, Edge, Graph
from models.spack.graph import Node as GraphNode
from models.spack.query import LEGACY_COMPILERS, Dependency, Flags, Node, Variant
from models.spack.target import satisfying_targets
from models.spack.version import VersionConstraint, VersionError, parse_version


def matches(query: Node, graph: Graph, key: str) -> bool:
    """Tell whether the node of a graph satisfies a query, with all that it stands on."""
    is_named = query.name is None or query.name == graph.nodes[key].name
    return is_named and _satisfies(query, graph, key)


def _satisfies(query: Node, graph: Graph, key: str) -> bool:
    """Tell whether a node is as a query asks for, whatever its name."""
    node = graph.nodes[key]
    return (
        query.namespace in {None, node.namespace}
        and _has_version(query.version, node.version)
        and all(_has_variant(variant, graph, key) for variant in query.variants)
        and all(_has_flags(flags, node) for flags in query.flags)
        and _has_text(query.platform, node.platform)
        and _has_text(query.os, node.os)
        and _has_target(query.target, node.target)
        and (query.hash is None or any(h.startswith(query.hash.lower()) for h in node.hashes))
        and all(_has_dependency(each, graph, key) for each in merge_clauses(query.dependencies))
    )


def _has_version(constraint: VersionConstraint | None, text: str | None) -> bool:
    if constraint is None:
        return True
    try:
        return text is not None and constraint.is_satisfied_by(parse_version(text))
    except VersionError:
        return False


def _has_text(wanted: str | None, found: str | None) -> bool:
    return wanted in {None, found} or (wanted == "*" and found is not None)


def _has_target(constraint: str | None, target: str | None) -> bool:
    names = satisfying_targets(constraint) if constraint is not None else None
    return names is None or target in names


def _has_variant(wanted: Variant, graph: Graph, key: str) -> bool:
    """Tell whether a node has a variant; a propagated one is about all nodes that have any."""
    if not wanted.propagate:
        return _is_variant(wanted, graph.nodes[key])
    return all(
        _is_variant(wanted, graph.nodes[each])
        for each in (key, *graph.closure(key))
        if _is_variant(Variant(wanted.name, ()), graph.nodes[each])
    )


def _is_variant(wanted: Variant, node: GraphNode) -> bool:
    values = dict(node.variants)
    if "patches" in node.native:
        values.setdefault("patches", node.native["patches"])
    value = values.get(wanted.name)
    if value is None or isinstance(value, dict):
        return False
    if isinstance(wanted.value, bool):
        return value in (wanted.value, str(wanted.value), str(wanted.value).lower())
    found = [str(item) for item in (value if isinstance(value, list) else [value])]
    if wanted.exact and len(found) != len(wanted.value):
        return False
    if wanted.name == "patches":
        return all(any(item.startswith(text) for item in found) for text in wanted.value)
    return all(text in found for text in wanted.value)


def _has_flags(wanted: Flags, node: GraphNode) -> bool:
    found = node.parameters.get(wanted.name)
    return not wanted.values or (isinstance(found, list) and set(wanted.values) <= set(found))


def _has_dependency(wanted: Dependency, graph: Graph, key: str) -> bool:
    if wanted.when is not None and not matches(wanted.when, graph, key):
        return True
    if any(_is_legacy(wanted, compiler) for compiler in graph.compilers(key)):
        return True
    if wanted.direct:
        return any(_leads_to(wanted, graph, [edge]) for edge in graph.edges[key])
    running = set(graph.closure(key, LINK_RUN))
    below = _edges_within_reach(graph, key)
    return any(_leads_to(wanted, graph, below[child]) for child in running) or any(
        _leads_to(wanted, graph, [edge]) for edge in graph.edges[key] if edge.child not in running
    )


def _edges_within_reach(graph: Graph, key: str) -> Mapping[str, list[Edge]]:
    """Return the edges that `^` follows from a node, by the node that they lead to."""
    found: dict[str, list[Edge]] = {}
    for parent in (key, *graph.closure(key, LINK_RUN)):
        for edge in graph.edges[parent]:
            if parent == key or edge.has_type(LINK_RUN):
                found.setdefault(edge.child, []).append(edge)
    return found


def _leads_to(wanted: Dependency, graph: Graph, edges: list[Edge]) -> bool:
    """Tell whether edges, all to one node, together are what is wanted."""
    types = {kind for edge in edges for kind in edge.deptypes}
    virtuals = {name for edge in edges for name in edge.virtuals}
    if not (types.issuperset(wanted.types) and virtuals.issuperset(wanted.virtuals)):
        return False
    child, name = edges[0].child, wanted.node.name
    names = {None, *_names(name)} if wanted.direct else {None, name}
    is_named = name is None or graph.nodes[child].name in names
    is_provider = wanted.node.version is None and name in virtuals
    return (is_named or is_provider) and _satisfies(wanted.node, graph, child)


def _names(name: str | None) -> Iterator[str]:
    """Give the names that a compiler goes by, old and new."""
    if name is not None:
        yield name
        yield LEGACY_COMPILERS.get(name, name)
        yield from (old for old, new in LEGACY_COMPILERS.items() if new == name)


def _is_legacy(wanted: Dependency, compiler: Compiler) -> bool:
    node = wanted.node
    asks_no_more = replace(node, namespace=None) == Node(name=node.name, version=node.version)
    is_language = node.name in LANGUAGES and node.version is None
    return (
        compiler.hash is None
        and asks_no_more
        and {"build"}.issuperset(wanted.types)
        and set(LANGUAGES).issuperset(wanted.virtuals)
        and node.namespace in {None, "builtin"}
        and (node.name is None or is_language or compiler.name in set(_names(node.name)))
        and _has_version(node.version, compiler.version)
    )
