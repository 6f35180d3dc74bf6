"""The queue of imports over REST: they continue after the answer to their request."""

import asyncio
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from api.http.errors import ProblemError
from ingest.importing import ImportOptions, Limits, budgets_of, import_paths
from models.configuration.rules import DeltaRules
from models.database.client import Database
from models.errors import CaseledgerError, DatabaseError
from models.ingestions.heartbeat import end_killed, heartbeat
from models.ingestions.ingestion import IngestionRecord, store_ingestion
from models.settings import Settings
from models.tasks import cancel_and_wait
from models.version import VERSION

_MAX_RUNNING = 2
_MAX_WAITING = 50
_STOP_SECONDS = 10
_CLEANUP_SECONDS = 60
_PREFIX = "caseledger-upload-"
_LOG = logging.getLogger("caseledger.imports")


class ImportQueue:
    """The imports of this process: a few run at the same time, the others wait for a slot."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_MAX_RUNNING)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._reserved = 0
        self._is_stopping = False

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Reserve a place for an import about to start; raise a 503 when too many are waiting."""
        if len(self._tasks) + self._reserved >= _MAX_WAITING:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too-many-imports",
                "Too many imports",
                "Others are waiting. Try again later.",
                headers={"Retry-After": "30"},
            )
        self._reserved += 1
        try:
            yield
        finally:
            self._reserved -= 1

    async def start(
        self, database: Database, path: Path, options: ImportOptions, *, is_upload: bool
    ) -> str:
        """Start an import, within the place reserved for it, and return its id.

        With `is_upload`, the path is one of `save_upload` and is removed after the import.
        """
        ingestion_id = str(uuid.uuid4())
        record = IngestionRecord(
            source=options.source_name or str(path),
            kind="performance_archive",
            status="queued",
            started_at=datetime.now(UTC),
            caseledger_version=VERSION,
        )
        await store_ingestion(database.ingestions, ingestion_id, record)
        options = replace(options, ingestion_id=ingestion_id)
        task = asyncio.create_task(self._run(database, path, options, is_upload))
        self._tasks[ingestion_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(ingestion_id))
        return ingestion_id

    async def wait(self, ingestion_id: str, seconds: float) -> None:
        """Wait until an import has ended, at most this long."""
        if task := self._tasks.get(ingestion_id):
            await asyncio.wait([task], timeout=seconds)

    @asynccontextmanager
    async def running(self, database: Database) -> AsyncIterator[None]:
        """Clean up regularly; on exit, stop everything here that uses the database."""
        cleanup = asyncio.create_task(_clean_up(database))
        try:
            yield
        finally:
            await self._stop()
            await cancel_and_wait([cleanup])

    async def _stop(self) -> None:
        """Let the imports write what they have begun, then end; a second import continues them."""
        self._is_stopping = True
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks.values(), timeout=_STOP_SECONDS)
            await cancel_and_wait(pending)

    async def _run(
        self, database: Database, path: Path, options: ImportOptions, is_upload: bool
    ) -> None:
        try:
            async with self._slot(database, str(options.ingestion_id)):
                await import_paths(database, [path], options, stop=lambda: self._is_stopping)
        except CaseledgerError as error:
            _LOG.warning("import %s failed: %s", options.ingestion_id, error)
        except Exception:
            _LOG.exception("import %s failed", options.ingestion_id)
        finally:
            if is_upload:
                remove_upload(path)

    @asynccontextmanager
    async def _slot(self, database: Database, ingestion_id: str) -> AsyncIterator[None]:
        """Wait for a slot and hold it.

        While it waits, the import has a heartbeat, so that it does not count as killed. Once it
        runs, it has one of its own.
        """
        async with heartbeat(database.ingestions, ingestion_id):
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()


async def _clean_up(database: Database) -> None:
    """Remove, or set right, what imports leave behind that were killed, here or elsewhere."""
    await asyncio.to_thread(remove_stale_uploads)
    while True:
        with suppress(DatabaseError):
            await end_killed(database.ingestions)
        await asyncio.sleep(_CLEANUP_SECONDS)


def import_options(settings: Settings, rules: DeltaRules, name: str | None) -> ImportOptions:
    """Return the options of an import over REST."""
    return ImportOptions(
        jobs=settings.jobs,
        max_file_bytes=settings.max_file_mib * 2**20,
        budgets=budgets_of(settings),
        limits=Limits(settings.worker_seconds, settings.worker_memory_mib * 2**20),
        rules=rules,
        source_name=name,
    )


async def save_upload(chunks: AsyncIterator[bytes], name: str) -> Path:
    """Write an upload to a new temporary directory, under its own name; return the path.

    The name is kept because an import may recognise the kind of a file by it. Raise a 400 when the
    upload is empty.
    """
    path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"), name)
    size = 0
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                await asyncio.to_thread(file.write, chunk)
        if not size:
            raise ProblemError(
                HTTPStatus.BAD_REQUEST, "empty", "Nothing was sent", "The body is empty."
            )
    except BaseException:
        remove_upload(path)
        raise
    return path


def remove_upload(path: Path) -> None:
    """Remove the file and the directory that `save_upload` has created."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()


def remove_stale_uploads() -> None:
    """Remove the uploads of services that were killed.

    Call it before this process saves any: those of an earlier process with its id are removed.
    """
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = directory.name.removeprefix(_PREFIX).partition("-")[0]
        is_stale = pid.isdigit() and (int(pid) == os.getpid() or not _is_running(int(pid)))
        if is_stale and _is_own_directory(directory):
            shutil.rmtree(directory, ignore_errors=True)


def _is_own_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and path.stat().st_uid == os.getuid()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def path_below_roots(text: str, roots: str) -> Path:
    """Return the resolved path; raise a 403 unless it is one of the roots or below one.

    `roots` are separated by colons. Symbolic links are resolved before the check; the import itself
    never follows any.
    """
    allowed = [Path(root).resolve() for root in roots.split(":") if root]
    if "\0" not in text:
        with suppress(OSError, RuntimeError):
            path = Path(text).resolve(strict=True)
            if any(path == root or root in path.parents for root in allowed):
                return path
    raise ProblemError(
        HTTPStatus.FORBIDDEN,
        "not-allowed",
        "The server may not read this",
        "Only what exists below CASELEDGER_IMPORT_ROOTS can be imported.",
    )
