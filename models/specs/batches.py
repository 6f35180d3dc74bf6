"""Batches of documents to write together: large for speed, but small enough for one transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from models.specs.document import SpecDocument

BATCH_DOCUMENTS = 64
_BATCH_NODES = 2000


@dataclass(slots=True)
class Batch:
    """Documents to write, and their total number of nodes."""

    documents: list[SpecDocument] = field(default_factory=list)
    nodes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it should be written before another document is added."""
        return len(self.documents) >= BATCH_DOCUMENTS or self.nodes >= _BATCH_NODES

    def add(self, document: SpecDocument) -> None:
        """Add a document, also to a full batch."""
        self.documents.append(document)
        self.nodes += len(document.graph.document_keys(document.root))


def batches(documents: Iterable[SpecDocument]) -> Iterator[list[SpecDocument]]:
    """Yield the documents in batches, in their order."""
    batch = Batch()
    for document in documents:
        batch.add(document)
        if batch.is_full:
            yield batch.documents
            batch = Batch()
    if batch.documents:
        yield batch.documents
