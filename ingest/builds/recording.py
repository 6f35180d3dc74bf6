"""Builds in the database: an attempt and its logs stored, or added to what is known of it.

The logs are stored first, then the manifest, then the document in one atomic write together with
the events that it has no room for. So nothing that a document names is ever missing; what a writer
leaves that fails, or is killed, nobody names, and `remove_unused` removes it.
"""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from ingest.builds.document import (
    StoredParts,
    build_document,
    digest_of,
    manifest_entries,
    wanted_lines,
)
from ingest.builds.identity import build_id
from ingest.builds.logs.stream import expanded
from ingest.builds.observation import ObservedBuild
from models.builds.build import BuildCause
from models.builds.cancellation import cancel_dependents
from models.builds.log import StoredLog, measured_log, store_log
from models.builds.manifest import store_manifest
from models.builds.store import BuildOutcome, discard_logs, preview_build, write_build
from models.database.client import Database
from models.errors import ParseError


async def store_build(
    database: Database, build: ObservedBuild, *, dry_run: bool = False
) -> BuildOutcome:
    """Store an attempt; what is recorded of it is added to, and nothing of it is lost.

    The same attempt again changes nothing. When it failed, what depends on it and was reported by
    the same run of Spack without having been run becomes cancelled.
    """
    began = datetime.now(UTC)
    entries = manifest_entries(build.attempt.manifest)
    digest = digest_of(entries)
    own_id = await asyncio.to_thread(build_id, build, digest)
    cause = await _cause(build)
    if dry_run:
        measured = await asyncio.to_thread(_measured_logs, build)
        kept = StoredParts(own_id, measured, entries, cause)
        return await preview_build(database, build_document(build, kept, began))
    logs = await _store_logs(database, build)
    try:
        if digest is not None:
            await store_manifest(database, digest, entries)
        parts = build_document(build, StoredParts(own_id, logs, entries, cause), began)
        outcome = await write_build(database, parts)
    except BaseException:
        await discard_logs(database, logs.values())
        raise
    if outcome != "created":
        await discard_logs(database, logs.values())
    if parts.record.status == "failed" and outcome != "unchanged":
        await cancel_dependents(database, own_id)
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
            lines = wanted_lines(build.attempt, name)
            stored[name] = await store_log(database.logs, log_pieces(build, name), lines)
    except BaseException:
        await discard_logs(database, stored.values())
        raise
    return stored


def _measured_logs(build: ObservedBuild) -> dict[str, StoredLog]:
    return {
        name: measured_log(log_pieces(build, name), wanted_lines(build.attempt, name))
        for name in build.logs
    }


def log_pieces(build: ObservedBuild, name: str) -> Iterator[bytes]:
    """Give a log expanded and without credentials; of a damaged one, what could be read."""
    return build.redactor.log(_readable(build.logs[name]()))


def _readable(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from expanded(chunks)
    except ParseError:
        return  # the attempt tells of the damage
