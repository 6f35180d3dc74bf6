"""`spec.json`, `spack spec --json`, and the listings of `spack find --json`.

    spec document   {"spec": …}                 in a build cache with more keys beside `spec`
    test suite      {"specs": [{"spec": …}, …]}
    listing         [{"name": …, "version": …, "hash": …}, …]

A listing has the nodes without the documents around them, and without their dependencies unless it
was written with `--deps`. Spack 0.16 and older also wrote flat nodes, with the edges as an object.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from ingest.specs.limits import SpecLimits
from ingest.specs.outcome import Outcome, rejection
from models.errors import ParseError
from models.spack.graph import Graph, JsonObject, SpecError
from models.spack.native import Entry, assemble, graph_of
from models.specs.document import Container, Origin, Provenance, Slot, SpecDocument

_BUILDCACHE_KEYS = {"binary_cache_checksum", "buildcache_layout_version"}


def is_document(value: Any) -> bool:
    """Return whether JSON is a spec document."""
    return isinstance(value, dict) and "spec" in value and "hash" not in value


def is_suite(value: Any) -> bool:
    """Return whether JSON is a file with several documents, such as `test_suite.lock`."""
    return isinstance(value, dict) and isinstance(value.get("specs"), list)


def is_node(value: Any) -> bool:
    """Return whether JSON is a node of a listing."""
    return isinstance(value, dict) and value.keys() >= {"name", "version", "hash"}


def read_document(document: JsonObject, file: str, place: str, limits: SpecLimits) -> Outcome:
    """Return the document, or its rejection; its first node is its root."""
    try:
        _limit_nodes(document, place, limits)
        graph = graph_of(document, place)
    except ParseError as error:
        return rejection(file, error, place)
    provenance = Provenance(_origin(document, file), file, place)
    return SpecDocument(graph, next(iter(graph.nodes)), provenance, submitted=document)


def _limit_nodes(document: JsonObject, place: str, limits: SpecLimits) -> None:
    spec = document["spec"]
    nodes = spec.get("nodes") if isinstance(spec, dict) else spec
    if isinstance(nodes, list) and len(nodes) > limits.nodes:
        raise SpecError("too_many_nodes", place, f"more than {limits.nodes} nodes")


def _origin(document: JsonObject, file: str) -> Origin:
    """Return the origin of a document, according to its keys and the path of its file."""
    if not _BUILDCACHE_KEYS.isdisjoint(document):
        return "mirror"
    folders = PurePosixPath(file.replace("!", "/")).parts[:-1]
    return "install_tree" if folders[-1:] == (".spack",) or ".spack-db" in folders else "file"


def read_suite(suite: JsonObject, file: str, place: str, limits: SpecLimits) -> Iterator[Outcome]:
    """Yield the documents of a file that has several under `specs`."""
    for i, document in enumerate(suite["specs"]):
        where = f"{place}.specs[{i}]" if place else f"specs[{i}]"
        if is_document(document):
            yield read_document(document, file, where, limits)
        else:
            yield rejection(file, SpecError("not_a_spec", where, "not a spec document"))


def read_listing(
    nodes: Sequence[tuple[str, JsonObject]], file: str, limits: SpecLimits
) -> Iterator[Outcome]:
    """Yield a document for each node of a listing; `nodes` are pairs of a place and a node.

    A listing does not state its format, which is inferred from the keys of the nodes.
    """
    if len(nodes) > limits.records:
        detail = f"more than {limits.records} nodes"
        yield rejection(file, SpecError("too_many_nodes", "", detail))
        return
    graph = assemble((Entry(node, place) for place, node in nodes), _format(nodes))
    problems = [_problem(graph, place, node) for place, node in nodes]
    container = _container(nodes, problems, file)
    for (place, node), problem in zip(nodes, problems, strict=True):
        if problem is not None:
            yield rejection(file, problem)
            continue
        key = node["hash"]
        provenance = Provenance("listing", file, place, is_root=not graph.parents.get(key))
        yield SpecDocument(graph, key, provenance, container=container)


def _problem(graph: Graph, place: str, node: JsonObject) -> SpecError | None:
    if place in graph.problems or not isinstance(node["hash"], str):
        return graph.problems[place]
    return graph.problems.get(node["hash"])


def _container(
    nodes: Sequence[tuple[str, JsonObject]], problems: Sequence[SpecError | None], file: str
) -> Container:
    """Return the listing as an array of its nodes, also if it was NDJSON."""
    frame = [node if problem else None for (_, node), problem in zip(nodes, problems, strict=True)]
    slots = tuple(
        Slot((i,), node["hash"], node)
        for i, ((_, node), problem) in enumerate(zip(nodes, problems, strict=True))
        if problem is None
    )
    return Container("listing", file, frame, slots)


def _format(nodes: Sequence[tuple[str, JsonObject]]) -> int:
    return max((_format_of(node) for _, node in nodes), default=1)


def _format_of(node: JsonObject) -> int:
    """Return the format that a node appears to have; a leaf may appear older than it is."""
    notes = node.get("annotations")
    if isinstance(notes, dict) or "compiler" not in node:
        number = notes.get("original_specfile_version") if isinstance(notes, dict) else None
        return max(5, number) if type(number) is int else 5
    edges = node.get("dependencies")
    if isinstance(edges, dict) or (edges is None and "package_hash" not in node):
        return 1
    if isinstance(edges, list) and any(
        isinstance(edge, dict) and "parameters" in edge for edge in edges
    ):
        return 4
    return 2 if "full_hash" in node or "build_hash" in node else 3
