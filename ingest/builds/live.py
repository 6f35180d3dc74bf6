"""Builds that their owners report over REST while they run.

A repeated report changes nothing. Credentials in reports are masked as in imported files. A build
with a precise start time that is both reported and imported is stored once.
"""

import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any

from ingest.builds.document import MAX_TESTS, StoredParts, build_document, phase_boundaries
from ingest.builds.formats.attempt import BuildAttempt, LogFile, timeline_of
from ingest.builds.formats.environment import allowed_variables, masked_arguments, spack_commit
from ingest.builds.formats.sent_manifest import SentManifest
from ingest.builds.formats.spec_name import SpecName
from ingest.builds.identity import is_precise, stamped_id
from ingest.builds.logs.report import LogOptions, read_log
from ingest.builds.observation import ObservedBuild
from ingest.builds.recording import log_pieces
from models.builds.build import BuildHost, BuildManifest, BuildPhase, BuildRecord, BuildTest
from models.builds.cancellation import cancel_dependents, cancel_late_dependents
from models.builds.log import StoredLog, store_log
from models.builds.manifest import manifest_digest, store_manifest
from models.builds.progress import final_state, merge_log
from models.builds.report import BuildChange, NewBuild, PhaseReport, ReportedEntry
from models.builds.store import (
    BuildParts,
    adopt_build,
    discard_logs,
    insert_build,
    read_owned_build,
    update_build,
)
from models.database.client import Database
from models.errors import UsageError
from models.redaction.logs import DEFAULT_REDACTOR, Redactor, redactor_of
from models.software.builds import describe_builds, name_of
from models.spack.version import stored_version_key
from models.threads import in_long_thread

_MAX_IN_MEMORY = 2**23  # bytes of a log or a manifest; larger ones go to a temporary file
_CHUNK_BYTES = 2**18
_NAMESPACE = uuid.UUID("5d0e7d1c-8a3f-5b2e-9c47-2f6a1b8e3d90")


class UnknownPackageError(UsageError):
    """The package of a build is not known."""


async def begin_build(database: Database, new: NewBuild, owner: str) -> tuple[str, bool]:
    """Record a build that begins; return its id, and whether it is new.

    One that was imported before becomes the owner's, with what is reported of it. Raise
    NotOwnerError when somebody else has recorded it, and UnknownPackageError when neither the
    report nor a recorded spec names the package.
    """
    build_id = _id_of(new, owner)
    name = new.name or await name_of(database, new.spec_hash)
    if name is None:
        raise UnknownPackageError(
            f"no spec with the hash {new.spec_hash} is recorded: state the name of the package"
        )
    redactor = redactor_of(new.variables)
    args = new.configure_args
    now = datetime.now(UTC)
    record = BuildRecord(
        spec_hash=new.spec_hash,
        name=name,
        version=new.version,
        version_key=stored_version_key(new.version),
        status=new.status,
        order_key=(new.started_local or "").removesuffix("Z"),
        started_local=new.started_local,
        host=None if new.host is None else _masked_host(new.host, redactor),
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
    is_new = await insert_build(database, build_id, record)
    if not is_new:
        await adopt_build(database, build_id, record, owner)
    await describe_builds(database, [new.spec_hash])
    if is_new:
        if new.status == "failed":
            await cancel_dependents(database, build_id)
        elif new.status == "not_run" and record.session is not None:
            await cancel_late_dependents(database, record.session)
    return build_id, is_new


def _masked_host(host: BuildHost, redactor: Redactor) -> BuildHost | None:
    """Return a host with credentials masked, or None when all its fields are empty."""
    fields = {
        name: redactor.text(text)
        for name, text in host.model_dump(by_alias=False, exclude_none=True).items()
    }
    commit = spack_commit(fields.get("spack_version"))
    return BuildHost(**({"spack_commit": commit} | fields)) if fields else None


def _id_of(new: NewBuild, owner: str) -> str:
    if is_precise(new.started_local) and new.started_local is not None:
        return stamped_id(new.spec_hash, new.started_local)
    if new.key is None:
        return str(uuid.uuid4())
    return str(uuid.uuid5(_NAMESPACE, f"{owner}\0{new.spec_hash}\0{new.key}"))


async def report_phase(
    database: Database, build_id: str, name: str, report: PhaseReport, owner: str
) -> BuildRecord | None:
    """Add a phase, or change it in its place; return the build, or None when it is unknown."""
    name = DEFAULT_REDACTOR.text(name)

    def change(build: BuildRecord) -> dict[str, Any]:
        known = next((phase for phase in build.phases if phase.name == name), None)
        fields = report.model_dump(by_alias=False, exclude_none=True)
        changed = (known or BuildPhase(name=name, status="unknown")).model_copy(update=fields)
        phases = [changed if phase.name == name else phase for phase in build.phases]
        phases += [] if known else [changed]
        failed = name if report.status == "failed" else build.failed_phase
        has_recovered = failed == name and "failed" not in {report.status, build.status}
        return {"phases": phases, "failed_phase": None if has_recovered else failed}

    return await update_build(database, build_id, owner, change)


async def change_build(
    database: Database, build_id: str, report: BuildChange, owner: str
) -> BuildRecord | None:
    """Change the reported fields of a build; return the build, or None when it is unknown.

    When it has failed, the builds of its session that depend on it and were not run become
    cancelled.
    """
    if await read_owned_build(database, build_id, owner) is None:
        return None
    fields = _masked_fields(report)
    if report.manifest is not None:
        fields["manifest"] = await _store_manifest(database, report.manifest)
    build = await update_build(
        database, build_id, owner, lambda known: fields | final_state(known, fields)
    )
    if build is not None and build.status == "failed":
        await cancel_dependents(database, build_id)
    return build


def _masked_fields(report: BuildChange) -> dict[str, Any]:
    """Return the reported fields except the manifest, with credentials masked."""
    mask = DEFAULT_REDACTOR.text
    fields = report.model_dump(by_alias=False, exclude_none=True, exclude={"manifest", "tests"})
    fields |= {name: mask(fields[name]) for name in ("message", "failed_phase") if name in fields}
    if report.tags is not None:
        fields["tags"] = sorted({mask(tag) for tag in report.tags})
    if report.tests is not None:
        outcomes = Counter(test.outcome for test in report.tests)
        fields["tests"] = [_masked_test(test) for test in report.tests[:MAX_TESTS]]
        fields["test_counts"] = dict(sorted(outcomes.items()))
    return fields


def _masked_test(test: BuildTest) -> BuildTest:
    mask = DEFAULT_REDACTOR.text
    message = None if test.message is None else mask(test.message)
    return test.model_copy(update={"name": mask(test.name), "message": message})


async def _store_manifest(database: Database, reported: Sequence[ReportedEntry]) -> BuildManifest:
    entries = sorted(
        (entry.model_dump(exclude_none=True) for entry in reported),
        key=lambda entry: entry["path"],
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
    database: Database, build_id: str, pieces: AsyncIterator[bytes], owner: str
) -> BuildRecord | None:
    """Store a manifest of one entry a line, in memory that does not depend on its size.

    Return the build, or None when it is unknown. ParseError as of `SentManifest`.
    """
    if await read_owned_build(database, build_id, owner) is None:
        return None
    with tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY) as file:
        entries = SentManifest(file)
        await entries.take_all(pieces)
        manifest = entries.describe()
        await store_manifest(database, manifest.digest, entries)
    return await update_build(database, build_id, owner, lambda _: {"manifest": manifest})


async def attach_log(
    database: Database, build_id: str, name: str, pieces: AsyncIterator[bytes], owner: str
) -> BuildRecord | None:
    """Store a log, plain or gzipped, with its errors, warnings and phases.

    It replaces any earlier log. Return the build, or None when it is unknown.
    """
    known = await read_owned_build(database, build_id, owner)
    if known is None:
        return None
    name = DEFAULT_REDACTOR.text(name)
    with tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY) as file:
        async for piece in pieces:
            file.write(piece)
        parts, log = await _store_log(database, known, build_id, name, file)
    change = partial(merge_log, parts.record)
    try:
        return await update_build(database, build_id, owner, change, parts)
    finally:
        await discard_logs(database, [log])


async def _store_log(
    database: Database, known: BuildRecord, build_id: str, name: str, file: IO[bytes]
) -> tuple[BuildParts, StoredLog]:
    """Store a log, and return it with the document of a build that has only this log."""
    options = LogOptions(name=name)
    report = await in_long_thread(partial(read_log, _chunks(file), options))
    timeline = timeline_of(report, None, known.status)
    attempt = BuildAttempt(
        "log",
        SpecName(known.name, known.version, known.spec_hash or ""),
        known.status,
        timeline.phases,
        timeline.failed_phase,
        report.events,
        report.errors,
        report.warnings,
        report.omitted,
        started=timeline.started,
        ended=timeline.ended,
        logs=(LogFile(name, None, report.lines, report.size, report.damage),),
    )
    build = ObservedBuild(attempt, name, {name: partial(_chunks, file)}, source="live")
    lines = phase_boundaries(attempt, name)
    log = await store_log(database.logs, log_pieces(build, name), lines)
    return build_document(build, StoredParts(build_id, {name: log}), datetime.now(UTC)), log


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    yield from iter(partial(file.read, _CHUNK_BYTES), b"")
