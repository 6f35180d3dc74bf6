"""Recording of an observed build: its logs, then its manifest, then its document.

`models.builds.store` explains the order.
"""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from ingest.builds.document import (
    StoredParts,
    build_document,
    digest_of,
    manifest_entries,
    phase_boundaries,
)
from ingest.builds.identity import build_id
from ingest.builds.logs.stream import expanded
from ingest.builds.observation import ObservedBuild
from models.builds.build import BuildCause
from models.builds.cancellation import cancel_dependents
from models.builds.log import StoredLog, measure_log, store_log
from models.builds.manifest import store_manifest
from models.builds.store import BuildOutcome, discard_logs, preview_build, write_build
from models.database.client import Database
from models.errors import ParseError
from models.software.builds import describe_builds


async def record_build(
    database: Database, build: ObservedBuild, *, dry_run: bool = False
) -> BuildOutcome:
    """Store an attempt, or merge it into what is recorded about it without losing anything.

    Recording the same attempt again changes nothing. When it failed, those attempts of the same run
    of Spack that depend on it and were not run become cancelled. With `dry_run`, return the outcome
    and write nothing.
    """
    began = datetime.now(UTC)
    entries = manifest_entries(build.attempt.manifest)
    digest = digest_of(entries)
    document_id = await asyncio.to_thread(build_id, build, digest)
    cause = await _cause(build)
    if dry_run:
        measured = await asyncio.to_thread(_measured_logs, build)
        stored = StoredParts(document_id, measured, entries, cause)
        return await preview_build(database, build_document(build, stored, began))
    logs = await _store_logs(database, build)
    try:
        if digest is not None:
            await store_manifest(database, digest, entries)
        parts = build_document(build, StoredParts(document_id, logs, entries, cause), began)
        outcome = await write_build(database, parts)
    except BaseException:
        await discard_logs(database, logs.values())
        raise
    if outcome != "created":
        await discard_logs(database, logs.values())
    if parts.record.spec_hash is not None and outcome != "unchanged":
        await describe_builds(database, [parts.record.spec_hash])
    if parts.record.status == "failed" and outcome != "unchanged":
        await cancel_dependents(database, document_id)
    return outcome


async def _cause(build: ObservedBuild) -> BuildCause | None:
    if build.cause is None:
        return None
    attempt = build.cause.attempt
    digest = digest_of(manifest_entries(attempt.manifest))
    return BuildCause(
        build_id=await asyncio.to_thread(build_id, build.cause, digest),
        name=attempt.spec.name if attempt.spec else attempt.package,
        spec_hash=attempt.spec.hash if attempt.spec else None,
    )


async def _store_logs(database: Database, build: ObservedBuild) -> dict[str, StoredLog]:
    stored: dict[str, StoredLog] = {}
    try:
        for name in build.logs:
            lines = phase_boundaries(build.attempt, name)
            stored[name] = await store_log(database.logs, log_pieces(build, name), lines)
    except BaseException:
        await discard_logs(database, stored.values())
        raise
    return stored


def _measured_logs(build: ObservedBuild) -> dict[str, StoredLog]:
    return {
        name: measure_log(log_pieces(build, name), phase_boundaries(build.attempt, name))
        for name in build.logs
    }


def log_pieces(build: ObservedBuild, name: str) -> Iterator[bytes]:
    """Yield an expanded log with credentials masked.

    A damaged log ends at the damage.
    """
    return build.redactor.log(_readable(build.logs[name]()))


def _readable(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from expanded(chunks)
    except ParseError:
        return  # the attempt notes the damage
