"""The import of one unit of files: read its builds, record and count them."""

import asyncio
from dataclasses import replace

from ingest.builds.discover import Unit
from ingest.builds.formats.build_files import Files
from ingest.builds.observation import ObservedBuild
from ingest.builds.read import read_unit
from ingest.builds.recording import record_build
from ingest.builds.sources import BuildFileSource
from models.database.client import Database
from models.errors import ParseError
from models.ingestions.audit import Audit


async def import_unit(
    database: Database,
    source: BuildFileSource,
    audit: Audit,
    item: tuple[Unit, Files],
    *,
    dry_run: bool,
) -> None:
    """Record the builds of a unit and its files; a unit that cannot be read is rejected."""
    unit, files = item
    path = source.display_path(unit.path)
    try:
        builds = await asyncio.to_thread(read_unit, unit, files)
    except ParseError as error:
        audit.count("discovered")
        audit.reject(path, error.reason, error.detail)
        return
    except OSError as error:
        audit.count("discovered")
        audit.reject(path, "unreadable", error.strerror or "no reason")
        return
    if not builds and source.is_named_file:
        audit.count("discovered")
        audit.reject(path, "unknown", "the file does not describe a build")
    for number, build in enumerate(builds, 1):
        # Only the last build has the fingerprint: then all builds of the unit are recorded.
        is_last = number == len(builds)
        located = replace(
            build,
            path=source.display_path(build.path),
            ingestion_id=audit.id,
            fingerprint=unit.fingerprint(source.name) if is_last else None,
        )
        await _record(database, located, audit, dry_run=dry_run)


async def _record(database: Database, build: ObservedBuild, audit: Audit, *, dry_run: bool) -> None:
    audit.count("discovered")
    if not build.attempt.spec and not build.attempt.package:
        audit.reject(build.path, "no_spec", "neither the files nor their names identify the spec")
        return
    outcome = await record_build(database, build, dry_run=dry_run)
    audit.count(outcome)
    if outcome != "unchanged":
        for problem in build.attempt.problems:
            audit.note(build.path, problem.path, problem.reason, problem.detail)
