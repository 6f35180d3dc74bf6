"""The import of specs: files in, their documents stored in batches, outcomes to the audit record.

This is the door through which the pipeline imports what Spack has written.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from ingest.specs.discover import Candidate, SpackFile, SpackFiles, is_certain
from ingest.specs.formats.detect import read
from ingest.specs.outcome import Rejected
from ingest.specs.read_files import ReadFiles
from models.database.client import Database
from models.ingestions.audit import Audit
from models.redaction.text import masked_text
from models.specs.batches import BATCH_DOCUMENTS, Batch
from models.specs.completion import complete_and_relink
from models.specs.document import Container, SpecDocument
from models.specs.file_store import store_file
from models.specs.store import Written, write_specs

_BATCH_PLACES = 256
_PASSED_OVER = frozenset({"unknown", "no_spec"})

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Reading:
    """A place that is being read, or has been: how many items it has, and if all were taken."""

    place: Candidate
    items: int = 0
    is_whole: bool = True


async def import_specs(
    database: Database,
    files: SpackFiles,
    audit: Audit,
    stop: Callable[[], bool],
    *,
    dry_run: bool = False,
    is_named: bool = False,
) -> int:
    """Import all specs of a source; return how many items were found.

    Each item counts as discovered, and as what became of it. A file that only seemed to be Spack's
    does not count, unless it `is_named` by a person: then it is rejected. What could not be read at
    all is in the `damages` of the source; SourceError when it is none.
    """
    running = _Import(database, files, audit, stop, dry_run=dry_run, is_named=is_named)
    places = files.places()
    while not stop() and (batch := await asyncio.to_thread(_next_of, places, _BATCH_PLACES)):
        await running.take(batch)
    await running.flush()
    return running.count


class _Import:
    def __init__(
        self,
        database: Database,
        files: SpackFiles,
        audit: Audit,
        stop: Callable[[], bool],
        *,
        dry_run: bool,
        is_named: bool,
    ) -> None:
        self._database = database
        self._files = files
        self._audit = audit
        self._stop = stop
        self._dry_run = dry_run
        self._is_named = is_named
        self._known = ReadFiles(database, audit.id)
        self._pending = Batch()
        self._readings: list[_Reading] = []  # where each of those documents is from
        self._read: list[_Reading] = []
        self._stored: set[str] = set()
        self.count = 0

    async def take(self, places: Sequence[Candidate]) -> None:
        """Import what is at some places, and pass over those that are known as they are."""
        known = await self._known.find(places) if self._files.is_lasting else {}
        for place in places:
            if self._stop():
                return
            if place in known and (known[place] or not self._is_named):
                self._count(known[place], "unchanged")
            else:
                await self._take_place(_Reading(place))

    async def _take_place(self, reading: _Reading) -> None:
        damages = len(self._files.damages)
        files = self._files.files(reading.place)
        while (file := await asyncio.to_thread(next, files, None)) is not None:
            if self._stop():
                return
            await self._take_file(reading, file)
        reading.is_whole &= len(self._files.damages) == damages
        self._read.append(reading)

    async def _take_file(self, reading: _Reading, file: SpackFile) -> None:
        outcomes = read(file.data, file.path, fetch=file.fetch)
        container: Container | None = None
        documents: list[SpecDocument] = []
        while part := await asyncio.to_thread(_next_of, outcomes, BATCH_DOCUMENTS):
            for outcome in part:
                if isinstance(outcome, Rejected):
                    self._reject(reading, outcome)
                    continue
                if outcome.container is not container:
                    await self._end(container, documents)
                    container, documents = outcome.container, []
                if container is not None:
                    documents.append(outcome)
                await self._add(reading, outcome)
        await self._end(container, documents)

    def _count(self, items: int, outcome: str) -> None:
        self.count += items
        self._audit.count("discovered", items)
        self._audit.count(outcome, items)

    def _reject(self, reading: _Reading, rejected: Rejected) -> None:
        is_spack = self._is_named or is_certain(rejected.file)
        if rejected.reason in _PASSED_OVER and not is_spack:
            return
        reading.is_whole = False
        self.count += 1
        self._audit.count("discovered")
        where = f"{rejected.file}: {rejected.place}" if rejected.place else rejected.file
        self._audit.reject(masked_text(where), rejected.reason, rejected.detail)

    async def _add(self, reading: _Reading, document: SpecDocument) -> None:
        self.count += 1
        reading.items += 1
        self._audit.count("discovered")
        self._pending.add(document)
        self._readings.append(reading)
        if self._pending.is_full:
            await self.flush()

    async def flush(self) -> None:
        """Write what is waiting; then all places that were read to their end are known."""
        documents, self._pending = self._pending.documents, Batch()
        readings, self._readings = self._readings, []
        if documents:
            await self._write(documents, readings)
        read, self._read = self._read, []
        if self._files.is_lasting and not self._dry_run:
            await self._known.remember((each.place, each.items) for each in read if each.is_whole)

    async def _write(self, documents: Sequence[SpecDocument], readings: Sequence[_Reading]) -> None:
        await self._audit.begin()
        written = await write_specs(
            self._database, documents, ingestion_id=self._audit.id, dry_run=self._dry_run
        )
        for reading, document, each in zip(readings, documents, written, strict=True):
            self._note(reading, document, each)
        if not self._dry_run:
            await complete_and_relink(self._database, written)

    def _note(self, reading: _Reading, document: SpecDocument, written: Written) -> None:
        if written.outcome == "rejected":
            reading.is_whole = False
            self._audit.reject(
                masked_text(document.provenance.file), written.reason, written.detail
            )
            return
        self._audit.count(written.outcome)
        if document.container is not None:
            self._stored.update(written.node_ids)

    async def _end(self, container: Container | None, documents: Sequence[SpecDocument]) -> None:
        """Keep the frame of a file when all that is in it is stored."""
        if container is None:
            return
        await self.flush()
        if not self._dry_run:
            await store_file(
                self._database, container, documents, self._stored, ingestion_id=self._audit.id
            )
        self._stored = set()


def _next_of(items: Iterator[T], most: int) -> list[T]:
    """Return the next items: reading is done in a thread, several at a time."""
    return list(islice(items, most))
