"""Imports that are asked for over REST: they go on when their request is over."""

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
from models.version import VERSION

_AT_ONCE = 2
_MOST_WAITING = 50
_STOP_SECONDS = 10
_TIDY_SECONDS = 60
_PREFIX = "caseledger-upload-"
_LOG = logging.getLogger("caseledger.imports")


class ImportQueue:
    """The imports that this process runs, few at a time; the others wait for their turn."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._arriving = 0
        self._is_stopping = False

    @contextmanager
    def place(self) -> Iterator[None]:
        """Keep a place for an import that is going to start; 503 when too many wait already."""
        if len(self._tasks) + self._arriving >= _MOST_WAITING:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too-many-imports",
                "Too many imports",
                "Others are waiting; try again later.",
                headers={"Retry-After": "30"},
            )
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    async def start(
        self, database: Database, path: Path, options: ImportOptions, *, is_ours: bool
    ) -> str:
        """Begin an import, in the place that was kept for it, and return its id.

        What `is_ours`, made by `save_upload`, is removed when the import is over.
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
        own = replace(options, ingestion_id=ingestion_id)
        task = asyncio.create_task(self._run(database, path, own, is_ours))
        self._tasks[ingestion_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(ingestion_id))
        return ingestion_id

    async def wait(self, ingestion_id: str, seconds: float) -> None:
        """Return when an import is over, or the time is."""
        if task := self._tasks.get(ingestion_id):
            await asyncio.wait([task], timeout=seconds)

    @asynccontextmanager
    async def running(self, database: Database) -> AsyncIterator[None]:
        """Keep the database tidy; in the end, nothing that was started here uses it any more."""
        tidying = asyncio.create_task(_tidy(database))
        try:
            yield
        finally:
            tidying.cancel()
            await self._stop()
            await asyncio.wait([tidying])

    async def _stop(self) -> None:
        """Let the imports write what they have begun, and end; running them again goes on."""
        self._is_stopping = True
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks.values(), timeout=_STOP_SECONDS)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _run(
        self, database: Database, path: Path, options: ImportOptions, is_ours: bool
    ) -> None:
        try:
            async with self._turn(database, str(options.ingestion_id)):
                await import_paths(database, [path], options, stop=lambda: self._is_stopping)
        except CaseledgerError as error:
            _LOG.warning("import %s failed: %s", options.ingestion_id, error)
        except Exception:
            _LOG.exception("import %s failed", options.ingestion_id)
        finally:
            if is_ours:
                remove_upload(path)

    @asynccontextmanager
    async def _turn(self, database: Database, ingestion_id: str) -> AsyncIterator[None]:
        """Wait for a turn, saying meanwhile that the import is still there; then it does itself."""
        async with heartbeat(database.ingestions, ingestion_id):
            await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()


async def _tidy(database: Database) -> None:
    """Upsert right, now and then, what imports leave that are killed, here or elsewhere."""
    await asyncio.to_thread(remove_left_uploads)
    while True:
        with suppress(DatabaseError):
            await end_killed(database.ingestions)
        await asyncio.sleep(_TIDY_SECONDS)


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
    """Write an upload to a temporary directory, under its own name, which may tell what it is.

    A 400 when it is empty.
    """
    path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"), name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    size = 0
    try:
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
    """Remove what `save_upload` has made."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()


def remove_left_uploads() -> None:
    """Remove the uploads of services that were killed; to be called before there is any here."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        is_ours = left.is_dir() and not left.is_symlink() and left.stat().st_uid == os.getuid()
        if is_ours and pid.isdigit() and (int(pid) == os.getpid() or not _is_running(int(pid))):
            shutil.rmtree(left, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def path_below_roots(text: str, roots: str) -> Path:
    """Return the real path, which has to be one of the roots or below one; else a 403.

    Links are resolved before that is decided, and never followed by the import itself.
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
