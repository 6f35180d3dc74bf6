"""Limits of closures: what the nodes of a graph may take when each is stored with its dependencies.

A small file can state a graph whose closures are huge, because every node above a node repeats what
is below it:

    a -> b -> c -> …           a chain of n nodes has n²/2 dependencies in its closures
    r1, r2, … -> hub -> …      each root repeats all leaves of the hub

The closure of each node is measured once, dependencies first. A document that contains a refused
node is refused without another look at what is below.
"""

from collections.abc import Collection, Mapping, Sequence

from models.errors import ParseError
from models.spack.graph import Graph

MAX_DEPENDENCIES = 100_000
"""The limit of closure entries that the nodes of one document may have in total."""

MAX_DEPENDENCIES_PER_NODE = 500
"""The limit of closure entries in a file with several documents, on average for each node.

A file with few nodes may have as many as `MAX_DEPENDENCIES` for some documents.
"""

_MIN_FILE_DEPENDENCIES = 20 * MAX_DEPENDENCIES
# Visits of an edge, while the closures of a document are computed.
_MAX_VISITS = 5_000_000
_HARMLESS_VISITS = 1_000_000
_VIRTUALS_PER_ENTRY = 16  # names of virtual packages that take as much as an entry


class TooManyDependenciesError(ParseError):
    """The closures of a document, or of all documents of a file, have too many entries."""

    def __init__(self, limit: int = MAX_DEPENDENCIES, whose: str = "its nodes") -> None:
        detail = f"{whose} have more than {limit} dependencies in total"
        super().__init__("too_many_dependencies", detail)
        self._arguments = (limit, whose)

    def __reduce__(self) -> tuple[type["TooManyDependenciesError"], tuple[int, str]]:  # type: ignore[override]
        return type(self), self._arguments


class ClosureLimits:
    """The sizes of the closures of one graph, and which of its documents exceed the limits."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._limit = max(_MIN_FILE_DEPENDENCIES, MAX_DEPENDENCIES_PER_NODE * len(graph.nodes))
        self._left = self._limit  # of the closures that are measured
        self._documents_left = self._limit
        self._is_spliced = graph.is_spliced
        self._entries: dict[str, int] = {}  # by node, of its closure
        self._visits: dict[str, int] = {}
        self._errors: dict[str, TooManyDependenciesError] = {}
        self._is_harmless = _is_harmless(graph)
        if not self._is_harmless:
            self._children = {key: graph.written_after(key) for key in graph.nodes}
            self._below = {key: [e.child for e in edges] for key, edges in graph.edges.items()}
            self._weights = _weights(graph)
            self._measure()

    def check(self, root: str, *, is_whole: bool) -> None:
        """Raise TooManyDependenciesError if the document of a root exceeds a limit.

        `is_whole` means that the document has all nodes of the graph, whatever leads to them.
        """
        if root in self._errors:
            raise self._errors[root]
        if is_whole and not self._is_harmless:
            if self._errors:
                raise next(iter(self._errors.values()))
            self._check_sums(self._graph.nodes)

    def take(self, root: str, *, is_whole: bool) -> None:
        """Check a document as `check` does, and count its nodes against the limit of the file."""
        self.check(root, is_whole=is_whole)
        entries = len(self._graph.nodes) if self._is_harmless else 1 + self._entries[root]
        self._documents_left -= entries
        if self._documents_left < 0:
            raise self._file_error()

    def _file_error(self) -> TooManyDependenciesError:
        return TooManyDependenciesError(self._limit, "the documents of the file")

    def _measure(self) -> None:
        for key in self._graph.leaves_first():
            below = self._children[key]
            error = next((self._errors[child] for child in below if child in self._errors), None)
            try:
                if error is not None:
                    raise error
                self._measure_node(key)
            except TooManyDependenciesError as refusal:
                self._errors[key] = refusal

    def _measure_node(self, key: str) -> None:
        if self._left < 0:
            raise self._file_error()
        closure = _reachable(key, self._below)
        self._left -= len(closure)
        self._entries[key] = sum(map(self._weights.__getitem__, closure)) - self._weights[key]
        self._visits[key] = sum(map(len, map(self._below.__getitem__, closure)))
        self._check_sums(_reachable(key, self._children) if self._is_spliced else closure)

    def _check_sums(self, keys: Collection[str]) -> None:
        entries = sum(map(self._entries.__getitem__, keys))
        visits = sum(map(self._visits.__getitem__, keys))
        if entries > MAX_DEPENDENCIES or visits > _MAX_VISITS:
            raise TooManyDependenciesError


def _reachable(start: str, following: Mapping[str, Sequence[str]]) -> set[str]:
    """Return a node and everything reachable from it, in no order."""
    seen = {start}
    stack = [start]
    while stack:
        new = set(following[stack.pop()]) - seen
        seen |= new
        stack += [key for key in new if following[key]]
    return seen


def _is_harmless(graph: Graph) -> bool:
    """Return whether a graph is so small that no document of it can exceed a limit."""
    node_count = len(graph.nodes)
    edges = sum(map(len, graph.edges.values()))
    return node_count * edges <= _HARMLESS_VISITS and node_count**2 // 2 <= MAX_DEPENDENCIES


def _weights(graph: Graph) -> dict[str, int]:
    """Return what an entry for each node counts: more when edges to it provide many virtuals."""
    weights = dict.fromkeys(graph.nodes, 1)
    for child, edges in graph.parents.items():
        virtuals = sum(map(len, {edge.virtuals for edge in edges}))
        weights[child] += virtuals // _VIRTUALS_PER_ENTRY
    return weights
