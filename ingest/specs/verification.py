"""Refuses documents in which a node does not have the hash that it states."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ingest.specs.outcome import Outcome, rejected
from models.spack.dag_hash import HashMismatchError, Verification, mismatch, verify_all
from models.spack.graph import Graph
from models.specs.document import Container, SpecDocument


@dataclass(frozen=True, slots=True)
class _Verified:
    """The verification of a graph, and of each node that is above a false one, the error."""

    graph: Graph
    verifications: Mapping[str, Verification]
    errors: Mapping[str, HashMismatchError]


def verified(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Give the outcomes with the verification of their nodes; each graph is verified once."""
    known: dict[int, _Verified] = {}
    container: Container | None = None
    for outcome in outcomes:
        if not isinstance(outcome, SpecDocument) or outcome.verifications:
            yield outcome
            continue
        if outcome.container is None or outcome.container is not container:
            known.clear()
        container = outcome.container
        number = id(outcome.graph)
        if number not in known:
            known[number] = _verify(outcome.graph)
        yield _outcome(outcome, known[number])


def _outcome(document: SpecDocument, found: _Verified) -> Outcome:
    error = found.errors.get(document.root)
    if document.given is not None:
        error = next(iter(found.errors.values()), None)
    if error is not None:
        return rejected(document.provenance.file, error)
    return replace(document, verifications=found.verifications)


def _verify(graph: Graph) -> _Verified:
    verifications = verify_all(graph)
    errors: dict[str, HashMismatchError] = {}
    for key, verification in verifications.items():
        if verification.is_verified is False:
            _spread(graph, key, mismatch(graph, key, verification), errors)
    return _Verified(graph, verifications, errors)


def _spread(
    graph: Graph, key: str, error: HashMismatchError, errors: dict[str, HashMismatchError]
) -> None:
    """Note the error for a node and all above it; those that have one keep theirs."""
    stack = [key]
    while stack:
        at = stack.pop()
        if at not in errors:
            errors[at] = error
            stack.extend(edge.parent for edge in graph.parents.get(at, ()))
