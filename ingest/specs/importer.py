"""The importer of specs: reads files, stores documents in batches, counts outcomes."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from more_itertools import take

from ingest.archives.walk import FileStat
from ingest.specs.discover import SpackFile, SpackFiles, has_spack_name
from ingest.specs.formats.detect import read
from ingest.specs.outcome import Rejection
from ingest.specs.read_files import ReadFiles
from ingest.specs.verification import mismatches
from models.database.client import Database
from models.ingestions.audit import Audit
from models.redaction.text import masked_text
from models.specs.batches import BATCH_DOCUMENTS, Batch
from models.specs.completion import complete_and_relink
from models.specs.document import Container, SpecDocument
from models.specs.file_store import store_file
from models.specs.store import DerivedGraphs, WriteResult, write_specs

_NOT_SPACK = frozenset({"unknown", "no_spec"})


@dataclass(slots=True, eq=False)
class _Reading:
    """The reading of one place: the number of items, and whether none was rejected or skipped."""

    place: FileStat
    items: int = 0
    is_whole: bool = True


class SpecImporter:
    """Imports the places of one source; `count` is the number of items so far."""

    def __init__(
        self,
        database: Database,
        files: SpackFiles,
        audit: Audit,
        stop: Callable[[], bool],
        *,
        dry_run: bool,
        is_named: bool,
        strict: bool,
    ) -> None:
        self._database = database
        self._files = files
        self._audit = audit
        self._stop = stop
        self._dry_run = dry_run
        self._is_named = is_named
        self._strict = strict
        self._known = ReadFiles(database, audit.id)
        self._pending = Batch()
        self._derived: DerivedGraphs = {}
        self._readings: list[_Reading] = []  # of the pending documents, one for each
        self._finished: list[_Reading] = []
        self._stored: set[str] = set()
        self._mismatched: set[tuple[str, str]] = set()
        self.count = 0

    async def import_places(self, places: Sequence[FileStat]) -> None:
        """Import the files at some places, except those that are unchanged since they were read."""
        known = await self._known.find(places) if self._files.has_stable_path else {}
        for place in places:
            if self._stop():
                return
            if place in known and (known[place] or not self._is_named):
                self._count(known[place], "unchanged")
            else:
                await self._import_place(_Reading(place))

    async def _import_place(self, reading: _Reading) -> None:
        damages = len(self._files.damages)
        files = self._files.files(reading.place)
        while (file := await asyncio.to_thread(next, files, None)) is not None:
            if self._stop():
                return
            await self._import_file(reading, file)
        reading.is_whole &= len(self._files.damages) == damages
        self._finished.append(reading)

    async def _import_file(self, reading: _Reading, file: SpackFile) -> None:
        outcomes = read(file.data, file.path, fetch=file.fetch, strict=self._strict)
        container: Container | None = None
        documents: list[SpecDocument] = []
        while batch := await asyncio.to_thread(take, BATCH_DOCUMENTS, outcomes):
            for outcome in batch:
                if isinstance(outcome, Rejection):
                    self._reject(reading, outcome)
                    continue
                if outcome.container is not container:
                    await self._finish_container(container, documents)
                    container, documents = outcome.container, []
                if container is not None:
                    documents.append(outcome)
                await self._add(reading, outcome)
        await self._finish_container(container, documents)

    def _count(self, items: int, outcome: str) -> None:
        self.count += items
        self._audit.count("discovered", items)
        self._audit.count(outcome, items)

    def _reject(self, reading: _Reading, rejection: Rejection) -> None:
        is_spack = self._is_named or has_spack_name(rejection.file)
        if rejection.reason in _NOT_SPACK and not is_spack:
            return
        reading.is_whole = False
        self.count += 1
        self._audit.count("discovered")
        where = f"{rejection.file}: {rejection.place}" if rejection.place else rejection.file
        self._audit.reject(masked_text(where), rejection.reason, rejection.detail)

    async def _add(self, reading: _Reading, document: SpecDocument) -> None:
        self.count += 1
        reading.items += 1
        self._audit.count("discovered")
        self._pending.add(document)
        self._readings.append(reading)
        if self._pending.is_full:
            await self.flush()

    async def flush(self) -> None:
        """Write the pending documents, and remember the places that were read whole."""
        documents, self._pending = self._pending.documents, Batch()
        readings, self._readings = self._readings, []
        if documents:
            await self._write(documents, readings)
        finished, self._finished = self._finished, []
        if self._files.has_stable_path and not self._dry_run:
            whole = [reading for reading in finished if reading.is_whole]
            await self._known.remember((reading.place, reading.items) for reading in whole)

    async def _write(self, documents: Sequence[SpecDocument], readings: Sequence[_Reading]) -> None:
        await self._audit.begin()
        written = await write_specs(
            self._database,
            documents,
            ingestion_id=self._audit.id,
            dry_run=self._dry_run,
            derived=self._derived,
        )
        for reading, document, result in zip(readings, documents, written, strict=True):
            self._note(reading, document, result)
        if not self._dry_run:
            await complete_and_relink(self._database, written)

    def _note(self, reading: _Reading, document: SpecDocument, result: WriteResult) -> None:
        if result.outcome == "rejected":
            reading.is_whole = False
            self._audit.reject(masked_text(document.provenance.file), result.reason, result.detail)
            return
        self._audit.count(result.outcome)
        if result.outcome != "unchanged":
            self._note_mismatches(document)
        if document.container is not None:
            self._stored.update(result.node_ids)

    def _note_mismatches(self, document: SpecDocument) -> None:
        """Note the nodes whose content has another hash; those that files share, once a file."""
        file = document.provenance.file
        for error in mismatches(document):
            if (file, error.stated) not in self._mismatched:
                self._mismatched.add((file, error.stated))
                self._audit.note(masked_text(file), error.path, error.reason, error.detail)

    async def _finish_container(
        self, container: Container | None, documents: Sequence[SpecDocument]
    ) -> None:
        """Store a container once all its documents are written."""
        if container is None:
            return
        await self.flush()
        if not self._dry_run:
            await store_file(
                self._database, container, documents, self._stored, ingestion_id=self._audit.id
            )
        self._stored = set()
