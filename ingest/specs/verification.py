"""Verification of documents: hashes, and the number of dependencies.

A hash that is not that of the content is reported; strict callers reject the document.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ingest.specs.outcome import Outcome, rejection
from models.spack.dag_hash import HashMismatchError, Verification, mismatch, verify_all
from models.spack.graph import Graph
from models.specs.closure_limits import ClosureLimits, TooManyDependenciesError
from models.specs.document import Container, SpecDocument


@dataclass(frozen=True, slots=True)
class _VerifiedGraph:
    """The verification of each node; `errors` also has the nodes that depend on a wrong node.

    `limits` are those of the documents of the graph. It holds the graph so that the id of the graph
    stays in use.
    """

    graph: Graph
    verifications: Mapping[str, Verification]
    errors: Mapping[str, HashMismatchError]
    limits: ClosureLimits


def verify_outcomes(outcomes: Iterable[Outcome], *, strict: bool = False) -> Iterator[Outcome]:
    """Yield the outcomes with the verification of their nodes; each graph is verified once.

    With `strict`, a document is rejected when a node in it does not have the hash that it states.
    """
    by_id: dict[int, _VerifiedGraph] = {}
    container: Container | None = None
    for outcome in outcomes:
        if not isinstance(outcome, SpecDocument) or outcome.verifications:
            yield outcome
            continue
        if outcome.container is None or outcome.container is not container:
            by_id.clear()
        container = outcome.container
        graph_id = id(outcome.graph)
        if graph_id not in by_id:
            by_id[graph_id] = _verify(outcome.graph, strict=strict)
        yield _verify_document(outcome, by_id[graph_id])


def _verify_document(document: SpecDocument, verified: _VerifiedGraph) -> Outcome:
    is_whole = document.submitted is not None
    error = verified.errors.get(document.root)
    if is_whole:
        error = next(iter(verified.errors.values()), None)
    if error is not None:
        return rejection(document.provenance.file, error)
    try:
        verified.limits.take(document.root, is_whole=is_whole)
    except TooManyDependenciesError as refusal:
        return rejection(document.provenance.file, refusal, document.provenance.place)
    return replace(document, verifications=verified.verifications)


def mismatches(document: SpecDocument) -> Iterator[HashMismatchError]:
    """Yield an error for each node of a document that does not have the hash that it states."""
    for key in document.keys:
        if document.verifications[key].is_verified is False:
            yield mismatch(document.graph, key, document.verifications[key])


def _verify(graph: Graph, *, strict: bool) -> _VerifiedGraph:
    verifications = verify_all(graph)
    errors: dict[str, HashMismatchError] = {}
    for key, verification in verifications.items() if strict else ():
        if verification.is_verified is False:
            _spread(graph, key, mismatch(graph, key, verification), errors)
    return _VerifiedGraph(graph, verifications, errors, ClosureLimits(graph))


def _spread(
    graph: Graph, key: str, error: HashMismatchError, errors: dict[str, HashMismatchError]
) -> None:
    """Note the error for a node and all nodes that depend on it, except those that have one."""
    stack = [key]
    while stack:
        current = stack.pop()
        if current not in errors:
            errors[current] = error
            stack.extend(edge.parent for edge in graph.parents.get(current, ()))
