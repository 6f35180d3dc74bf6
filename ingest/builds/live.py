"""Builds that are reported while they go on, by whoever owns them.

Every report may come again: it then changes nothing. What is reported goes through the same masks
as what is imported, and a build that is reported and imported, with a precise start time, is one.
"""

import asyncio
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any

from ingest.builds.document import MOST_TESTS, StoredParts, build_document, wanted_lines
from ingest.builds.formats.attempt import BuildAttempt, LogFile, timeline_of
from ingest.builds.formats.environment import allowed_variables, masked_arguments, spack_commit
from ingest.builds.formats.sent_manifest import SentManifest
from ingest.builds.formats.spec_name import SpecName
from ingest.builds.identity import is_precise, stamped_id
from ingest.builds.logs.report import LogOptions, read_log
from ingest.builds.observation import ObservedBuild
from ingest.builds.recording import log_pieces
from models.builds.build import BuildHost, BuildManifest, BuildPhase, BuildRecord, BuildTest
from models.builds.cancellation import cancel_dependents, cancel_latecomers
from models.builds.log import StoredLog, store_log
from models.builds.manifest import manifest_digest, store_manifest
from models.builds.progress import final_state, merge_log
from models.builds.report import BuildChange, NewBuild, PhaseReport, ReportedEntry
from models.builds.store import (
    BuildParts,
    discard_logs,
    insert_build,
    read_owned_build,
    update_build,
)
from models.database.client import Database
from models.redaction.logs import DEFAULT_REDACTOR, Redactor, redactor_of
from models.spack.version import stored_version_key

_IN_MEMORY = 2**23
_CHUNK = 2**18
_LIVE = uuid.UUID("5d0e7d1c-8a3f-5b2e-9c47-2f6a1b8e3d90")


async def begin_build(database: Database, new: NewBuild, owner: str) -> tuple[str, bool]:
    """Record a build that begins; return its id, and whether it was not known.

    NotOwnerError when somebody else has recorded it.
    """
    own_id = _id_of(new, owner)
    redactor = redactor_of(new.variables)
    args = new.configure_args
    now = datetime.now(UTC)
    record = BuildRecord(
        spec_hash=new.spec_hash,
        name=new.name,
        version=new.version,
        version_key=stored_version_key(new.version),
        status=new.status,
        order_key=(new.started_local or "").removesuffix("Z"),
        started_local=new.started_local,
        host=None if new.host is None else _host(new.host, redactor),
        variables=allowed_variables(new.variables, redactor),
        configure_args=None if args is None else list(masked_arguments(args, redactor)),
        tags=sorted({redactor.text(tag) for tag in new.tags}),
        owner=owner,
        session=None if new.session is None else DEFAULT_REDACTOR.text(new.session),
        sources=["live"],
        extra=new.extra,
        revision=1,
        created_at=now,
        updated_at=now,
    )
    if await insert_build(database, own_id, record):
        if new.status == "failed":
            await cancel_dependents(database, own_id)
        elif new.status == "not_run" and record.session is not None:
            await cancel_latecomers(database, record.session)
        return own_id, True
    await read_owned_build(database, own_id, owner)
    return own_id, False


def _host(told: BuildHost, redactor: Redactor) -> BuildHost | None:
    """Return a host without credentials, None when nothing is told of it."""
    fields = told.model_dump(by_alias=False, exclude_none=True)
    host = {name: redactor.text(text) for name, text in fields.items()}
    commit = spack_commit(host.get("spack_version"))
    return BuildHost(**({"spack_commit": commit} | host)) if host else None


def _id_of(new: NewBuild, owner: str) -> str:
    if is_precise(new.started_local) and new.started_local is not None:
        return stamped_id(new.spec_hash, new.started_local)
    if new.key is None:
        return str(uuid.uuid4())
    return str(uuid.uuid5(_LIVE, f"{owner}\0{new.spec_hash}\0{new.key}"))


async def report_phase(
    database: Database, own_id: str, name: str, report: PhaseReport, owner: str
) -> BuildRecord | None:
    """Add a phase, or change it where it is; return the build, None when it is not known."""
    name = DEFAULT_REDACTOR.text(name)

    def change(build: BuildRecord) -> dict[str, Any]:
        known = next((phase for phase in build.phases if phase.name == name), None)
        told = report.model_dump(by_alias=False, exclude_none=True)
        phase = (known or BuildPhase(name=name, status="unknown")).model_copy(update=told)
        phases = [phase if each.name == name else each for each in build.phases]
        phases += [] if known else [phase]
        failed = name if report.status == "failed" else build.failed_phase
        is_better = failed == name and "failed" not in {report.status, build.status}
        return {"phases": phases, "failed_phase": None if is_better else failed}

    return await update_build(database, own_id, owner, change)


async def change_build(
    database: Database, own_id: str, report: BuildChange, owner: str
) -> BuildRecord | None:
    """Change what is reported; return the build, None when it is not known.

    When it has failed, what depends on it and waits in its session becomes cancelled.
    """
    if await read_owned_build(database, own_id, owner) is None:
        return None
    told = report.model_dump(by_alias=False, exclude_none=True, exclude={"manifest", "tests"})
    masks = DEFAULT_REDACTOR
    told |= {name: masks.text(told[name]) for name in ("message", "failed_phase") if name in told}
    if report.tags is not None:
        told["tags"] = sorted({masks.text(tag) for tag in report.tags})
    if report.tests is not None:
        told["tests"] = [_masked(test, masks) for test in report.tests[:MOST_TESTS]]
        told["test_counts"] = dict(sorted(Counter(t.outcome for t in report.tests).items()))
    if report.manifest is not None:
        told["manifest"] = await _store_manifest(database, report.manifest)
    build = await update_build(
        database, own_id, owner, lambda known: told | final_state(known, told)
    )
    if build is not None and build.status == "failed":
        await cancel_dependents(database, own_id)
    return build


def _masked(test: BuildTest, masks: Redactor) -> BuildTest:
    message = None if test.message is None else masks.text(test.message)
    return test.model_copy(update={"name": masks.text(test.name), "message": message})


async def _store_manifest(database: Database, told: Sequence[ReportedEntry]) -> BuildManifest:
    entries = sorted(
        (entry.model_dump(exclude_none=True) for entry in told), key=lambda entry: entry["path"]
    )
    files = [entry for entry in entries if entry["type"] == "file"]
    manifest = BuildManifest(
        digest=manifest_digest(entries),
        entry_count=len(entries),
        file_count=len(files),
        bytes=sum(entry.get("size", 0) for entry in files),
    )
    await store_manifest(database, manifest.digest, entries)
    return manifest


async def attach_manifest(
    database: Database, own_id: str, pieces: AsyncIterator[bytes], owner: str
) -> BuildRecord | None:
    """Store a manifest, an entry a line, in memory that does not depend on its size.

    Return the build, None when it is not known; ParseError of `SentManifest`.
    """
    if await read_owned_build(database, own_id, owner) is None:
        return None
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        sent = SentManifest(file)
        await sent.take_all(pieces)
        manifest = sent.describe()
        await store_manifest(database, manifest.digest, sent)
    return await update_build(database, own_id, owner, lambda _: {"manifest": manifest})


async def attach_log(
    database: Database, own_id: str, name: str, pieces: AsyncIterator[bytes], owner: str
) -> BuildRecord | None:
    """Store a log, plain or gzipped, and what it tells of errors, warnings and phases.

    It takes the place of the log that was there; return the build, None when it is not known.
    """
    known = await read_owned_build(database, own_id, owner)
    if known is None:
        return None
    name = DEFAULT_REDACTOR.text(name)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        async for piece in pieces:
            file.write(piece)
        parts, logs = await _describe_log(database, known, own_id, name, file)
    try:
        build = await update_build(database, own_id, owner, partial(merge_log, parts.record), parts)
    except BaseException:
        await discard_logs(database, logs)
        raise
    await discard_logs(database, logs)
    return build


async def _describe_log(
    database: Database, known: BuildRecord, own_id: str, name: str, file: IO[bytes]
) -> tuple[BuildParts, list[StoredLog]]:
    options = LogOptions(name=name)
    report = await asyncio.to_thread(read_log, _chunks(file), options)
    course = timeline_of(report, None, known.status)
    attempt = BuildAttempt(
        "log",
        SpecName(known.name, known.version, known.spec_hash or ""),
        known.status,
        course.phases,
        course.failed_phase,
        report.events,
        report.errors,
        report.warnings,
        report.omitted,
        started=course.started,
        ended=course.ended,
        logs=(LogFile(name, None, report.lines, report.size, report.damage),),
    )
    build = ObservedBuild(attempt, name, {name: partial(_chunks, file)}, source="live")
    stored = await store_log(database.logs, log_pieces(build, name), wanted_lines(attempt, name))
    return build_document(build, StoredParts(own_id, {name: stored}), datetime.now(UTC)), [stored]


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk
