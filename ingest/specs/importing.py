"""The import of the specs of a source: what `ingest.importing` calls for files of Spack."""

import asyncio
from collections.abc import Callable

from more_itertools import take

from ingest.specs.discover import SpackFiles
from models.database.client import Database
from models.ingestions.audit import Audit

_BATCH_PLACES = 256


async def import_specs(
    database: Database,
    files: SpackFiles,
    audit: Audit,
    stop: Callable[[], bool],
    *,
    dry_run: bool = False,
    is_named: bool = False,
    strict: bool = False,
) -> int:
    """Import all specs of a source; return the number of items.

    Each item is counted as discovered and under its outcome. A file that turns out not to be
    Spack's is not counted, unless its name is one of Spack's own or a person named the source
    (`is_named`): then it is rejected. With `strict`, so are documents with wrong hashes. Unreadable
    files are in `files.damages`. Raise SourceError when the source is not one of specs.
    """
    places = files.candidates()
    batch = await asyncio.to_thread(take, _BATCH_PLACES, places)
    if not batch:
        return 0
    # An import without files of Spack needs no readers of them: they take long to import.
    from ingest.specs.importer import SpecImporter

    importer = SpecImporter(
        database, files, audit, stop, dry_run=dry_run, is_named=is_named, strict=strict
    )
    while batch and not stop():
        await importer.import_places(batch)
        batch = await asyncio.to_thread(take, _BATCH_PLACES, places)
    await importer.flush()
    return importer.count
