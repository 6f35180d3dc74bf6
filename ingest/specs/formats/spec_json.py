"""`spec.json`, `spack spec --json`, and what `spack find --json` lists.

A spec document is an object with the key `spec`; a file of a build cache has more keys beside it,
and the record of a test suite has several documents under `specs`. A listing has nodes without what
is around them in a document, and without their dependencies unless it was made with `--deps`; Spack
0.16 and before wrote them flat too, with their edges as an object.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from ingest.specs.formats.strict_json import Limits
from ingest.specs.outcome import Outcome, rejected
from models.errors import ParseError
from models.spack.graph import Entry, Graph, JsonObject, SpecError, assemble, graph_of
from models.specs.document import Container, Origin, Provenance, Slot, SpecDocument

_BUILDCACHE_KEYS = {"binary_cache_checksum", "buildcache_layout_version"}


def is_document(value: Any) -> bool:
    """Tell whether JSON is that of a spec document."""
    return isinstance(value, dict) and "spec" in value and "hash" not in value


def is_suite(value: Any) -> bool:
    """Tell whether JSON is that of a file with several documents, such as `test_suite.lock`."""
    return isinstance(value, dict) and isinstance(value.get("specs"), list)


def is_node(value: Any) -> bool:
    """Tell whether JSON is that of a node in a listing."""
    return isinstance(value, dict) and value.keys() >= {"name", "version", "hash"}


def read_document(document: JsonObject, file: str, place: str, limits: Limits) -> Outcome:
    """Return the document, or why it is none; its first node is its root."""
    try:
        _limit_nodes(document, place, limits)
        graph = graph_of(document, place)
    except ParseError as error:
        return rejected(file, error, place)
    provenance = Provenance(_origin(document, file), file, place)
    return SpecDocument(graph, next(iter(graph.nodes)), provenance, given=document)


def _limit_nodes(document: JsonObject, place: str, limits: Limits) -> None:
    spec = document["spec"]
    nodes = spec.get("nodes") if isinstance(spec, dict) else spec
    if isinstance(nodes, list) and len(nodes) > limits.nodes:
        raise SpecError("too_many_nodes", place, f"there are more than {limits.nodes} nodes")


def _origin(document: JsonObject, file: str) -> Origin:
    """Return what the document came from, as its keys and the name of its file tell."""
    if not _BUILDCACHE_KEYS.isdisjoint(document):
        return "mirror"
    folders = PurePosixPath(file.replace("!", "/")).parts[:-1]
    return "install_tree" if folders[-1:] == (".spack",) or ".spack-db" in folders else "file"


def read_suite(suite: JsonObject, file: str, place: str, limits: Limits) -> Iterator[Outcome]:
    """Give each of the documents of a file that holds several under `specs`."""
    for i, document in enumerate(suite["specs"]):
        where = f"{place}.specs[{i}]" if place else f"specs[{i}]"
        if is_document(document):
            yield read_document(document, file, where, limits)
        else:
            yield rejected(file, SpecError("not_a_spec", where, "not a spec document"))


def read_listing(
    nodes: Sequence[tuple[str, JsonObject]], file: str, limits: Limits
) -> Iterator[Outcome]:
    """Give a document of each node of a listing; the nodes come with their places.

    The format is not stated, and told from what the nodes have.
    """
    if len(nodes) > limits.records:
        detail = f"there are more than {limits.records} nodes"
        yield rejected(file, SpecError("too_many_nodes", "", detail))
        return
    graph = assemble((Entry(node, place) for place, node in nodes), _format(nodes))
    problems = [_problem(graph, place, node) for place, node in nodes]
    container = _container(nodes, problems, file)
    for (place, node), problem in zip(nodes, problems, strict=True):
        if problem is not None:
            yield rejected(file, problem)
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
    """Return the listing as an array of its nodes, whatever it was written as."""
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
    """Return the format that a node shows; a leaf may show an older one than it has."""
    noted = node.get("annotations")
    if isinstance(noted, dict) or "compiler" not in node:
        number = noted.get("original_specfile_version") if isinstance(noted, dict) else None
        return max(5, number) if isinstance(number, int) else 5
    edges = node.get("dependencies")
    if isinstance(edges, dict) or (edges is None and "package_hash" not in node):
        return 1
    if isinstance(edges, list) and any(isinstance(e, dict) and "parameters" in e for e in edges):
        return 4
    return 2 if "full_hash" in node or "build_hash" in node else 3
