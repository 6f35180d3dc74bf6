"""Storage of files that contain many specs."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from models.database.client import Database
from models.database.writes import Insert
from models.redaction.text import masked_text
from models.specs.document import Container, SpecDocument
from models.specs.node_documents import identities
from models.specs.spec_file import NodePlacement, file_parts, restore


async def store_file(
    database: Database,
    container: Container,
    documents: Sequence[SpecDocument],
    stored: set[str],
    *,
    ingestion_id: str | None = None,
) -> str:
    """Store the frame of a file and the ids of its nodes; return the digest of both.

    `stored` are the ids of the stored specs. A node that is not among them, because its document
    was rejected, remains in the frame. Equal files are stored once.
    """
    frame, places = _frame(container, documents, stored)
    digest, parts = await asyncio.to_thread(file_parts, container.kind, frame, places)
    if await database.spec_files.find_one({"digest": digest}, {"_id": 1}) is not None:
        return digest
    shared = {
        "digest": digest,
        "parts": len(parts),
        "kind": container.kind,
        "file": masked_text(container.file),
        "format": documents[0].format,
        "specCount": len(places),
        "ingestionId": ingestion_id,
        "createdAt": datetime.now(UTC),
    }
    inserts = [
        Insert(
            database.spec_files, {"_id": f"{digest}/{i}", "number": i, **shared, "content": part}
        )
        for i, part in enumerate(parts)
    ]
    await database.write(inserts)  # False when another importer has stored the file
    return digest


def _frame(
    container: Container, documents: Sequence[SpecDocument], stored: set[str]
) -> tuple[Any, list[NodePlacement]]:
    ids: dict[int, str] = {}  # by identity: the slots hold the JSON objects of the nodes
    for document in {id(document.graph): document for document in documents}.values():
        by_key = identities(document.graph, document.verifications)
        ids |= {id(node.native): by_key[key] for key, node in document.graph.nodes.items()}
    places: list[NodePlacement] = []
    unstored: list[tuple[Any, Any]] = []
    for slot in container.slots:
        is_named = len(slot.native) == 1
        native = next(iter(slot.native.values())) if is_named else slot.native
        id_ = ids.get(id(native))
        if id_ in stored and id_ is not None:
            places.append((slot.path, id_, is_named))
        else:
            unstored.append((slot.path, slot.native))
    return restore(container.frame, unstored) if unstored else container.frame, places
