"""`spack.lock`: the roots of an environment and a flat map of the nodes that they depend on.

    {"_meta": {"lockfile-version": 6, …},
     "roots": [{"hash": "abc", "spec": "hdf5"}, …],
     "concrete_specs": {"abc": node, …},
     "include_concrete": {"/path/of/environment": {"roots": …, "concrete_specs": …}, …}}

The keys of the map are DAG hashes, in versions 2 and 3 build hashes. Included environments have
roots and nodes of their own, and may include others in turn. A node that several of them contain is
written only once, so edges lead from one map into another.

Each root becomes a document, twice when two specs of the user led to it, and so does each node on
which no other node depends. A root that lacks a node, because the file does not have it or because
it cannot be read, is rejected. The other roots are imported, and so are the complete nodes below
the rejected one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from ingest.specs.limits import SpecLimits
from ingest.specs.outcome import FrameMaker, Outcome, rejection
from models.errors import ParseError
from models.json.places import join_place
from models.redaction.text import masked_text
from models.spack.graph import Graph, JsonObject, SpecError
from models.spack.native import assemble, dangling, entry_of
from models.specs.document import Container, Provenance, Slot, SpecDocument
from models.specs.spec_file import Path

_FORMATS = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 5}
_KEY_NAMES = {2: "build_hash", 3: "build_hash"}
_MAX_GRAPHS = 8

_NodeMap = dict[str, tuple[Any, str]]
"""The JSON of each node and its place, by key."""


@dataclass(slots=True)
class _Environment:
    """The environment of the lockfile, or one that it includes; `path` is its place in the JSON.

    `graph` is the number of its graph.
    """

    content: JsonObject
    path: Path
    name: str | None
    graph: int = 0

    @property
    def place(self) -> str:
        """The path as text; credentials in it are masked."""
        place = ""
        for step in self.path:
            place = join_place(place, masked_text(str(step)))
        return place

    @property
    def nodes(self) -> JsonObject:
        """Its nodes by key."""
        nodes = self.content.get("concrete_specs")
        return nodes if isinstance(nodes, dict) else {}


def is_lockfile(value: Any) -> bool:
    """Return whether JSON is a lockfile."""
    if not isinstance(value, dict):
        return False
    meta = value.get("_meta")
    kind = meta.get("file-type") if isinstance(meta, dict) else None
    return kind == "spack-lockfile" or ("concrete_specs" in value and "roots" in value)


def read_lockfile(lock: JsonObject, file: str, limits: SpecLimits) -> Iterator[Outcome]:
    """Yield the documents of a lockfile by environment, in the order of the roots."""
    try:
        version, specfile = _versions(lock)
        environments = list(_environments(lock, file))
        graphs = _graphs(environments, version, specfile, limits)
    except ParseError as error:
        yield rejection(file, error)
        return
    container = Container("lockfile", file, *_frame(environments, graphs))
    reached: set[tuple[int, str]] = set()
    roots = set(_root_hashes(environments))
    for environment in environments:
        graph = graphs[environment.graph]
        for outcome in _roots(environment, graph, file):
            if isinstance(outcome, SpecDocument):
                _reach(reached, environment.graph, graph, outcome.root)
                outcome = replace(outcome, container=container)
            yield outcome
    for number, graph in enumerate(graphs):
        for document in _unreached(graph, number, reached, file):
            yield replace(document, container=container)
        yield from _rejections(graph, roots, file)


def _reach(reached: set[tuple[int, str]], number: int, graph: Graph, root: str) -> None:
    """Add a root and its dependencies, which are skipped if they have been reached before."""
    stack = [root]
    while stack:
        key = stack.pop()
        if (number, key) not in reached:
            reached.add((number, key))
            stack.extend(edge.child for edge in graph.edges[key])
            built_as = graph.nodes[key].build_spec
            if built_as is not None and built_as in graph.nodes:
                stack.append(built_as)


def _unreached(
    graph: Graph, number: int, reached: set[tuple[int, str]], file: str
) -> Iterator[SpecDocument]:
    """Yield a document for each complete node that no root and no complete node depends on."""
    for key, node in graph.nodes.items():
        is_reached = (number, key) in reached or key in graph.incomplete
        parents = graph.parents.get(key, ())
        if not is_reached and all(edge.parent in graph.incomplete for edge in parents):
            provenance = Provenance("environment", file, node.place, is_root=False)
            yield SpecDocument(graph, key, provenance)


def _rejections(graph: Graph, roots: set[str], file: str) -> Iterator[Outcome]:
    """Yield the rejections of nodes that are not roots."""
    for key, problem in graph.problems.items():
        if key not in roots:
            yield rejection(file, problem)
    for edge in graph.missing:
        if edge.parent not in roots and edge.child not in graph.problems:
            yield rejection(file, dangling(edge))


def _root_hashes(environments: list[_Environment]) -> Iterator[str]:
    for environment in environments:
        for root in environment.content.get("roots", []):
            if isinstance(root, dict) and isinstance(root.get("hash"), str):
                yield root["hash"]


def _versions(lock: JsonObject) -> tuple[int, int]:
    """Return the version of the lockfile, and the format of its nodes, stated since version 3."""
    meta = lock.get("_meta")
    meta = meta if isinstance(meta, dict) else {}
    version = meta.get("lockfile-version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise SpecError("no_format", "_meta.lockfile-version", "the version is not stated")
    specfile = meta.get("specfile-version", _FORMATS.get(version))
    if isinstance(specfile, bool) or not isinstance(specfile, int) or specfile < 1:
        raise SpecError(
            "no_format", "_meta.specfile-version", "the format of the nodes is not known"
        )
    return version, specfile


def _environments(lock: JsonObject, file: str) -> Iterator[_Environment]:
    """Yield the environments in the order of the file, the outermost first."""
    directory = PurePosixPath(file.replace("!", "/")).parent.name
    stack = [_Environment(lock, (), directory or None)]
    while stack:
        environment = stack.pop()
        for part, kind in (("roots", list), ("concrete_specs", dict), ("include_concrete", dict)):
            if not isinstance(environment.content.get(part, kind()), kind):
                place = join_place(environment.place, part)
                raise SpecError("wrong_type", place, f"not a {'list' if kind is list else 'map'}")
        yield environment
        included = environment.content.get("include_concrete", {})
        for path, content in reversed(included.items()):
            steps = (*environment.path, "include_concrete", path)
            name = masked_text(PurePosixPath(path).name) or None
            child = _Environment(content if isinstance(content, dict) else {}, steps, name)
            if not isinstance(content, dict):
                raise SpecError("wrong_type", child.place, "not an object")
            stack.append(child)


def _graphs(
    environments: list[_Environment], version: int, specfile: int, limits: SpecLimits
) -> list[Graph]:
    """Return the graphs of all environments, normally one; set `graph` of each environment.

    Splices can lead to different nodes of the same hash in two environments. Then there is a
    further graph, which has the nodes of all environments but prefers those of its own.
    """
    if sum(len(environment.nodes) for environment in environments) > limits.records:
        raise SpecError("too_many_nodes", "", f"more than {limits.records} nodes")
    maps = _node_maps(environments)
    all_nodes = {key: node for nodes in reversed(maps) for key, node in nodes.items()}
    if len(maps) > 1:
        maps = [{**all_nodes, **nodes} for nodes in maps]
    key_name = _KEY_NAMES.get(version, "hash")
    return [
        assemble(
            (entry_of(native, place, key, key_name) for key, (native, place) in nodes.items()),
            specfile,
        )
        for nodes in maps
    ]


def _node_maps(environments: list[_Environment]) -> list[_NodeMap]:
    """Distribute the nodes of all environments over as few maps as possible; set `graph`."""
    maps: list[_NodeMap] = []
    for environment in environments:
        environment.graph = _matching_map(maps, environment)
        place = join_place(environment.place, "concrete_specs")
        for key, node in environment.nodes.items():
            maps[environment.graph].setdefault(key, (node, join_place(place, key)))
    return maps


def _matching_map(maps: list[_NodeMap], environment: _Environment) -> int:
    """Return the number of the first map that has no other node of the same hash, or a new map."""
    for number, known in enumerate(maps):
        if all(_is_same(known.get(key), node) for key, node in environment.nodes.items()):
            return number
    if len(maps) == _MAX_GRAPHS:
        raise SpecError("conflict", environment.place, "too many nodes of the same hash")
    maps.append({})
    return len(maps) - 1


def _is_same(known: tuple[Any, str] | None, node: Any) -> bool:
    """Return whether nodes are equal; their text differs when 1 and true, or key orders, differ."""
    return known is None or (known[0] == node and str(known[0]) == str(node))


def _roots(environment: _Environment, graph: Graph, file: str) -> Iterator[Outcome]:
    where = join_place(environment.place, "roots")
    for i, root in enumerate(environment.content.get("roots", [])):
        place = f"{where}[{i}]"
        try:
            key, user_spec, group = _root(root, place)
            _require(graph, key, place)
        except SpecError as error:
            yield rejection(file, error)
            continue
        provenance = Provenance(
            "environment",
            file,
            place,
            environment=environment.name,
            is_included=bool(environment.path),
            user_spec=user_spec,
            group=group,
        )
        yield SpecDocument(graph, key, provenance)


def _root(root: Any, place: str) -> tuple[str, str | None, str | None]:
    if not isinstance(root, dict) or not isinstance(root.get("hash"), str):
        raise SpecError("wrong_type", place, "a root must be an object with a hash")
    texts = [root.get(name) for name in ("spec", "group")]
    user_spec, group = (masked_text(text) if isinstance(text, str) else None for text in texts)
    return root["hash"], user_spec, group


def _require(graph: Graph, key: str, place: str) -> None:
    """Raise SpecError when a root is not complete."""
    if key in graph.problems:
        raise graph.problems[key]
    if key not in graph.nodes:
        raise SpecError("dangling", place, f"no node has the hash {key}")
    if key in graph.incomplete:
        edge = graph.incomplete[key]
        raise graph.problems.get(edge.child, dangling(edge))


def _frame(
    environments: list[_Environment], graphs: list[Graph]
) -> tuple[JsonObject, tuple[Slot, ...]]:
    """Return the lockfile without its nodes, and the nodes."""
    maker = FrameMaker()
    frames: dict[Path, JsonObject] = {}
    for environment in environments:
        frame = frames[environment.path] = dict(environment.content)
        if "concrete_specs" in frame:
            path = (*environment.path, "concrete_specs")
            graph = graphs[environment.graph]
            frame["concrete_specs"] = maker.without_nodes(environment.nodes, path, graph)
        if "include_concrete" in frame:
            frame["include_concrete"] = dict(frame["include_concrete"])
        if environment.path:
            including = frames[environment.path[:-2]]
            including["include_concrete"][environment.path[-1]] = frame
    return frames[()], tuple(maker.slots)
