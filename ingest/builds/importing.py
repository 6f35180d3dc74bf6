"""The import of builds: find, skip what is known, read, store, and count what became of each."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.archives.kinds import reader_for
from ingest.builds.discover import Unit
from ingest.builds.formats.build_files import Files
from ingest.builds.observation import ObservedBuild
from ingest.builds.read import read_unit
from ingest.builds.recording import store_build
from ingest.builds.sources import ArchivePlace, DirectoryPlace, Place
from models.database.client import Database
from models.errors import ParseError
from models.ingestions.audit import Audit

_LOOKED_UP = 256


def open_place(path: Path, budgets: Budgets, name: str | None = None) -> Place:
    """Return what a path is; builds may lie in it or not. A file may have another `name`."""
    new_walk = reader_for(path)
    if new_walk is None or not path.is_file():
        return DirectoryPlace(path, budgets, name)
    return ArchivePlace(path, budgets, new_walk, name)


async def import_builds(
    database: Database,
    place: Place,
    audit: Audit,
    stop: Callable[[], bool] = lambda: False,
    *,
    dry_run: bool = False,
) -> int:
    """Import the builds of a place, and return how many units of files there were.

    Every attempt counts as discovered, and as what became of it. A unit that is recorded as it is
    counts once, and is not opened. What cannot be read is noted, and costs itself only; what of
    the place cannot be read is in its `damages`.
    """
    units = await asyncio.to_thread(place.units)
    wanted: list[Unit] = []
    for start in range(0, len(units), _LOOKED_UP):
        wanted += await _wanted(database, place, units[start : start + _LOOKED_UP], audit)
    reader = place.read(wanted)
    while not stop() and (item := await asyncio.to_thread(next, reader, None)):
        await audit.begin()
        await _import_unit(database, place, audit, item, dry_run=dry_run)
    return len(units)


async def _wanted(
    database: Database, place: Place, units: Sequence[Unit], audit: Audit
) -> list[Unit]:
    """Return those units that are not recorded as they are."""
    by_print = {unit.fingerprint(place.name): unit for unit in units}
    found = await database.builds.find(
        {"fingerprints": {"$in": sorted(by_print)}}, {"fingerprints": 1}
    )
    known = {own for build in found for own in build["fingerprints"]} & by_print.keys()
    audit.count("discovered", len(known))
    audit.count("unchanged", len(known))
    return [unit for own, unit in by_print.items() if own not in known]


async def _import_unit(
    database: Database,
    place: Place,
    audit: Audit,
    item: tuple[Unit, Files],
    *,
    dry_run: bool,
) -> None:
    unit, files = item
    shown = place.shown(unit.path)
    try:
        builds = await asyncio.to_thread(read_unit, unit, files)
    except ParseError as error:
        audit.count("discovered")
        audit.reject(shown, error.reason, error.detail)
        return
    except OSError as error:
        audit.count("discovered")
        audit.reject(shown, "unreadable", error.strerror or "no reason")
        return
    if not builds and place.is_named_file:
        audit.count("discovered")
        audit.reject(shown, "unknown", "there is no build in it")
    for number, build in enumerate(builds, 1):
        is_last = number == len(builds)
        said = replace(
            build,
            path=place.shown(build.path),
            ingestion_id=audit.id,
            fingerprint=unit.fingerprint(place.name) if is_last else None,
        )
        await _store(database, said, audit, dry_run=dry_run)


async def _store(database: Database, build: ObservedBuild, audit: Audit, *, dry_run: bool) -> None:
    audit.count("discovered")
    if not build.attempt.spec and not build.attempt.package:
        audit.reject(build.path, "no_spec", "neither the files nor their names tell the spec")
        return
    outcome = await store_build(database, build, dry_run=dry_run)
    audit.count(outcome)
    if outcome != "unchanged":
        for problem in build.attempt.problems:
            audit.note(build.path, problem.path, problem.reason, problem.detail)
