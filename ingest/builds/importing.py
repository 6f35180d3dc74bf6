"""The import of the builds of a source: find, skip what is recorded, read, store, and count."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from more_itertools import chunked

from ingest.archives.budgets import Budgets
from ingest.archives.kinds import reader_for
from ingest.builds.discover import Unit
from ingest.builds.sources import ArchiveBuildFileSource, BuildFileSource, DirectoryBuildFileSource
from models.database.client import Database
from models.ingestions.audit import Audit

_LOOKUP_SIZE = 256


def open_build_source(path: Path, budgets: Budgets, name: str | None = None) -> BuildFileSource:
    """Return the source of the builds in a path, which may contain none.

    `name` is the name to record for a file that is stored under another one.
    """
    new_reader = reader_for(path)
    if new_reader is None or not path.is_file():
        return DirectoryBuildFileSource(path, budgets, name)
    return ArchiveBuildFileSource(path, budgets, new_reader, name)


async def import_builds(
    database: Database,
    source: BuildFileSource,
    audit: Audit,
    stop: Callable[[], bool] = lambda: False,
    *,
    dry_run: bool = False,
) -> int:
    """Import the builds of a source, and return the number of its units of files.

    Every attempt counts as discovered, and as created, updated, unchanged or rejected. A unit that
    was recorded and has not changed counts once and is not opened. Units that cannot be read are
    rejected, and the import continues; `damages` of the source are other parts that cannot be read.
    Once `stop()` is true, no further unit is read.
    """
    units = await asyncio.to_thread(source.units)
    to_read: list[Unit] = []
    for batch in chunked(units, _LOOKUP_SIZE):
        to_read += await _unrecorded(database, source, batch, audit)
    if not to_read:
        return len(units)
    # An import that finds nothing new needs no parsers: they take long to import.
    from ingest.builds.unit_import import import_unit

    reader = source.read(to_read)
    while not stop() and (item := await asyncio.to_thread(next, reader, None)):
        await audit.begin()
        await import_unit(database, source, audit, item, dry_run=dry_run)
    return len(units)


async def _unrecorded(
    database: Database, source: BuildFileSource, units: Sequence[Unit], audit: Audit
) -> list[Unit]:
    """Return the units that are not recorded in their present state, and count the others."""
    by_fingerprint = {unit.fingerprint(source.name): unit for unit in units}
    builds = await database.builds.find(
        {"fingerprints": {"$in": sorted(by_fingerprint)}}, {"fingerprints": 1}
    )
    recorded = {fingerprint for build in builds for fingerprint in build["fingerprints"]}
    recorded &= by_fingerprint.keys()
    audit.count("discovered", len(recorded))
    audit.count("unchanged", len(recorded))
    return [unit for fingerprint, unit in by_fingerprint.items() if fingerprint not in recorded]
