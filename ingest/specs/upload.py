"""The import of one uploaded file of Spack, with a result for each item in it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.specs.formats.detect import read
from ingest.specs.limits import SpecLimits
from ingest.specs.outcome import Outcome, Rejection
from ingest.specs.verification import mismatches
from models.database.client import Database
from models.ingestions.audit import Audit
from models.specs.batches import batches
from models.specs.completion import complete_and_relink
from models.specs.document import SpecDocument
from models.specs.file_store import store_file
from models.specs.store import DerivedGraphs, SpecOutcome, WriteResult, write_specs
from models.threads import in_long_thread

_KIND = "spack"
_CHANGES = frozenset({"created", "updated"})
_UNSPECIFIC_ORIGINS = frozenset({"file", "listing"})
_LONG_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class UploadedItem:
    """The result of importing one item.

    `reason` and `detail` are set when it was rejected, and when a node in it has another hash than
    it states.
    """

    outcome: SpecOutcome
    place: str
    id: str | None = None
    hash: str | None = None
    name: str | None = None
    version: str | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """The result of an upload: its items in order, and the digests of its stored containers."""

    ingestion_id: str
    items: list[UploadedItem]
    files: list[str]


async def upload_specs(
    database: Database,
    data: bytes,
    name: str,
    limits: SpecLimits | None = None,
    *,
    strict: bool = False,
) -> Upload:
    """Import a file; with `strict`, documents with wrong hashes are rejected.

    An audit record is stored when any item is new, updated or rejected. Each batch of documents is
    written whole or not at all; a single document is one batch.
    """
    run = in_long_thread if len(data) > _LONG_BYTES else asyncio.to_thread
    outcomes = await run(lambda: [*map(_mark_uploaded, read(data, name, limits, strict=strict))])
    audit = Audit(database.ingestions, [f"upload:{name}"], _KIND, lambda _: None)
    documents = [outcome for outcome in outcomes if isinstance(outcome, SpecDocument)]
    written: list[WriteResult] = []
    derived: DerivedGraphs = {}
    for batch in batches(documents):
        written += await write_specs(database, batch, ingestion_id=audit.id, derived=derived)
    items = list(_items(outcomes, iter(written)))
    files = await _store_files(database, documents, written, audit.id)
    await asyncio.gather(complete_and_relink(database, written), _record(audit, name, items))
    return Upload(audit.id, items, files)


def _mark_uploaded(outcome: Outcome) -> Outcome:
    """Return the outcome with the origin `upload`, unless its file indicates a better one."""
    if isinstance(outcome, Rejection) or outcome.provenance.origin not in _UNSPECIFIC_ORIGINS:
        return outcome
    return replace(outcome, provenance=replace(outcome.provenance, origin="upload"))


async def _store_files(
    database: Database,
    documents: Sequence[SpecDocument],
    written: Sequence[WriteResult],
    ingestion_id: str,
) -> list[str]:
    """Store the containers, which may be new even when all specs are known; return digests."""
    stored = {node_id for result in written for node_id in result.node_ids}
    containers = {
        id(document.container): document.container for document in documents if document.container
    }
    digests = []
    for container_id, container in containers.items():
        members = [document for document in documents if id(document.container) == container_id]
        digests.append(
            await store_file(database, container, members, stored, ingestion_id=ingestion_id)
        )
    return digests


def _items(outcomes: Iterable[Outcome], written: Iterator[WriteResult]) -> Iterator[UploadedItem]:
    for outcome in outcomes:
        if isinstance(outcome, Rejection):
            place, reason, detail = outcome.place, outcome.reason, outcome.detail
            yield UploadedItem("rejected", place, reason=reason, detail=detail)
            continue
        result, node = next(written), outcome.node
        error = None if result.reason else next(mismatches(outcome), None)
        yield UploadedItem(
            result.outcome,
            outcome.provenance.place,
            result.id or None,
            node.hash,
            node.name,
            node.version,
            result.reason or (error.reason if error else None),
            result.detail or (f"{error.path}: {error.detail}" if error else None),
        )


async def _record(audit: Audit, name: str, items: Sequence[UploadedItem]) -> None:
    for item in items:
        audit.count("discovered")
        if item.outcome == "rejected":
            where = f"{name}: {item.place}" if item.place else name
            audit.reject(where, item.reason or "", item.detail or "")
        else:
            audit.count(item.outcome)
            if item.reason and item.outcome != "unchanged":
                where = f"{name}: {item.place}" if item.place else name
                audit.note(where, None, item.reason, item.detail or "")
    await audit.finish(audit.final_status())
    if any(item.outcome in _CHANGES for item in items):
        await audit.begin()
