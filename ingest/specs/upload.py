"""The import of one upload: what Spack has written in, one outcome for each item back."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.specs.formats.detect import read
from ingest.specs.formats.strict_json import Limits
from ingest.specs.outcome import Outcome, Rejected
from models.database.client import Database
from models.ingestions.audit import Audit
from models.specs.batches import batches
from models.specs.completion import complete_and_relink
from models.specs.document import SpecDocument
from models.specs.file_store import store_file
from models.specs.store import SpecOutcome, Written, write_specs

_KIND = "spack"
_NEWS = frozenset({"created", "updated"})
_OF_FILES = frozenset({"file", "listing"})


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of one item; why and where, when it was rejected."""

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
    """What became of an upload: `files` are the digests of the files of many specs in it."""

    ingestion_id: str
    items: list[Uploaded]
    files: list[str]


async def upload_specs(
    database: Database, data: bytes, name: str, limits: Limits | None = None
) -> Upload:
    """Import a file; return the id of its audit record, and what became of each item, in order.

    A record is stored when something is new or rejected. Each batch of documents is written whole
    or not at all; a single document is one batch.
    """
    outcomes = await asyncio.to_thread(lambda: [*map(_uploaded, read(data, name, limits))])
    audit = Audit(database.ingestions, [f"upload:{name}"], _KIND, lambda _: None)
    documents = [each for each in outcomes if isinstance(each, SpecDocument)]
    written: list[Written] = []
    for batch in batches(documents):
        written += await write_specs(database, batch, ingestion_id=audit.id)
    items = list(_items(outcomes, iter(written)))
    files = await _store_files(database, documents, written, audit.id)
    await asyncio.gather(complete_and_relink(database, written), _record(audit, name, items))
    return Upload(audit.id, items, files)


def _uploaded(outcome: Outcome) -> Outcome:
    """Say of what tells no better place that it was uploaded."""
    if isinstance(outcome, Rejected) or outcome.provenance.origin not in _OF_FILES:
        return outcome
    return replace(outcome, provenance=replace(outcome.provenance, origin="upload"))


async def _store_files(
    database: Database,
    documents: Sequence[SpecDocument],
    written: Sequence[Written],
    ingestion_id: str,
) -> list[str]:
    """Keep the frames of files of many specs, which may be new although all specs are known."""
    stored = {id_ for each in written for id_ in each.node_ids}
    containers = {id(each.container): each.container for each in documents if each.container}
    digests = []
    for number, container in containers.items():
        own = [each for each in documents if id(each.container) == number]
        digests.append(
            await store_file(database, container, own, stored, ingestion_id=ingestion_id)
        )
    return digests


def _items(outcomes: Iterable[Outcome], written: Iterator[Written]) -> Iterator[Uploaded]:
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            place, reason, detail = outcome.place, outcome.reason, outcome.detail
            yield Uploaded("rejected", place, reason=reason, detail=detail)
            continue
        each, node = next(written), outcome.node
        yield Uploaded(
            each.outcome,
            outcome.provenance.place,
            each.id or None,
            node.hash,
            node.name,
            node.version,
            each.reason or None,
            each.detail or None,
        )


async def _record(audit: Audit, name: str, items: Sequence[Uploaded]) -> None:
    for item in items:
        audit.count("discovered")
        if item.outcome == "rejected":
            where = f"{name}: {item.place}" if item.place else name
            audit.reject(where, item.reason or "", item.detail or "")
        else:
            audit.count(item.outcome)
    await audit.finish(audit.final_status())
    if any(item.outcome in _NEWS for item in items):
        await audit.begin()
