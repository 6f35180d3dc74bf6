"""The import: discover, skip what is known, parse, write, and keep the record of it.

This is the door through which the API and the command line use `ingest`.
"""

import asyncio
import os
import shlex
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ingest.assemble import Observation, Origin
from ingest.sources import Content, Found, Source, case_directory, grouped, open_source
from ingest.workers import Result, Task, Workers
from ingest.writer import find_known, write_case
from models.database import Database
from models.errors import DatabaseError, DocumentTooLargeError, SourceError
from models.identity import CaseKey
from models.ingestion import (
    MAX_STORED_PROBLEMS,
    Counts,
    ImportProblem,
    IngestionRecord,
    IngestionStatus,
)

__all__ = ["ImportOptions", "Progress", "Report", "import_paths"]

_LOOKED_UP = 256
_KIND = "performance_archive"

Progress = Callable[[Counts], None]
"""Is told the counters whenever they have grown."""


def no_progress(_counts: Counts) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import; `machine` is that of executions that do not tell theirs."""

    jobs: int | None = None
    dry_run: bool = False
    machine: str | None = None
    max_file_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did. `unreadable` counts the sources that could not be read, or not whole."""

    ingestion_id: str | None
    record: IngestionRecord
    unreadable: int


async def import_paths(
    database: Database,
    paths: Sequence[Path],
    options: ImportOptions,
    progress: Progress = no_progress,
) -> Report:
    """Import everything below these paths; running it again finishes or finds nothing to do.

    DatabaseError when MongoDB fails; what was written until then stays, and is whole.
    """
    running = _Import(database, paths, options, progress)
    return await running.run()


class _Import:
    """One run of the import."""

    def __init__(
        self, database: Database, paths: Sequence[Path], options: ImportOptions, progress: Progress
    ) -> None:
        self._database = database
        self._paths = paths
        self._options = options
        self._progress = progress
        self._id = str(uuid.uuid4())
        self._started = time.monotonic()
        self._unreadable = 0
        self._record = IngestionRecord(
            source=_printable(str(paths[0]) if len(paths) == 1 else shlex.join(map(str, paths))),
            kind=_KIND,
            started_at=datetime.now(UTC),
            caseledger_version=version("caseledger"),
        )

    async def run(self) -> Report:
        """Import all paths, and keep the audit record, also when something stops the import."""
        await self._begin()
        try:
            with Workers(self._options.jobs or _default_jobs()) as workers:
                for path in self._paths:
                    await self._import_path(path, workers)
        except asyncio.CancelledError:
            await self._finish("interrupted")
            raise
        except DatabaseError:
            with suppress(DatabaseError):
                await self._finish("failed")
            raise
        await self._finish(self._final_status())
        ingestion_id = None if self._options.dry_run else self._id
        return Report(ingestion_id, self._record, self._unreadable)

    async def _import_path(self, path: Path, workers: Workers) -> None:
        try:
            source = open_source(path)
        except SourceError as error:
            self._unreadable += 1
            self._note(str(path), None, "unreadable", str(error))
            return
        batches = source.batches()
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            wanted = await self._skip_known(batch)
            await self._import_wanted(source, wanted, workers)
        self._note_damages(source)

    async def _skip_known(self, batch: Sequence[Found]) -> list[Found]:
        counts = self._record.counts
        wanted: list[Found] = []
        for start in range(0, len(batch), _LOOKED_UP):
            part = batch[start : start + _LOOKED_UP]
            known = await find_known(self._database.cases, part)
            news = [found for found in part if not known.is_unchanged(found)]
            counts.discovered += len(part)
            counts.unchanged += len(part) - len(news)
            self._progress(counts)
            wanted += news
        return wanted

    async def _import_wanted(
        self, source: Source, wanted: Sequence[Found], workers: Workers
    ) -> None:
        left = {found.path for found in wanted}
        contents = source.read(wanted, self._options.max_file_bytes)
        batches = grouped(contents, lambda item: item[0].path)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            left.difference_update(found.path for found, _ in batch)
            await self._import_contents(batch, workers)
        for path in sorted(left):
            detail = "the archive ends before it"
            self._reject(Result(path, reason="damaged_archive", detail=detail))

    async def _import_contents(
        self, batch: Sequence[tuple[Found, Content]], workers: Workers
    ) -> None:
        tasks = [self._task(found, content) for found, content in batch]
        waiting = Counter(case_directory(task.origin.path) for task in tasks)
        observed: dict[str, list[Observation]] = {}
        async for result in workers.observe_all(tasks):
            directory = case_directory(result.path)
            if result.observation is None:
                self._reject(result)
            else:
                observed.setdefault(directory, []).append(result.observation)
            waiting[directory] -= 1
            if not waiting[directory]:
                await self._write_cases(observed.pop(directory, []))

    async def _write_cases(self, observations: Sequence[Observation]) -> None:
        """Write the executions of one case directory, while the workers go on with others."""
        by_key: dict[CaseKey, list[Observation]] = {}
        for observation in observations:
            by_key.setdefault(observation.key, []).append(observation)
        for key in sorted(by_key):
            await self._write(key, by_key[key])

    def _task(self, found: Found, content: Content) -> Task:
        origin = Origin(
            path=found.path,
            fingerprint=found.fingerprint,
            ingestion_id=self._id,
            file_count=len(found.entries),
            files_modified=found.modified,
            machine=self._options.machine,
        )
        limit = self._options.max_file_bytes
        return Task(found.location, found.inventory, content, origin, limit)

    async def _write(self, key: CaseKey, observations: list[Observation]) -> None:
        try:
            outcomes = await write_case(
                self._database.cases, key, observations, dry_run=self._options.dry_run
            )
        except DocumentTooLargeError as error:
            for observation in observations:
                path = observation.execution.source_path
                self._reject(Result(path, reason="too_large", detail=str(error)))
            return
        seen: set[str] = set()
        for observation in observations:
            lid = observation.execution.execution_id
            outcome = "unchanged" if lid in seen else outcomes[lid]
            seen.add(lid)
            self._count(outcome)
            if outcome != "unchanged":
                self._note_problems(observation)

    def _count(self, outcome: str) -> None:
        counts = self._record.counts
        setattr(counts, outcome, getattr(counts, outcome) + 1)
        self._progress(counts)

    def _reject(self, result: Result) -> None:
        self._count("rejected")
        self._note(result.path, None, result.reason or "unknown", result.detail or "")

    def _note_problems(self, observation: Observation) -> None:
        execution = observation.execution
        for name in execution.missing:
            self._note(execution.source_path, name, "missing", f"there is no {name}")
        for problem in execution.problems:
            self._note(execution.source_path, problem.file, problem.reason, problem.detail)

    def _note_damages(self, source: Source) -> None:
        self._unreadable += bool(source.damages)
        for damage in source.damages:
            self._note(damage.path, None, damage.reason, damage.detail)

    def _note(self, path: str, file: str | None, reason: str, detail: str) -> None:
        self._record.problem_count += 1
        if len(self._record.problems) < MAX_STORED_PROBLEMS:
            problem = ImportProblem(
                path=_printable(path),
                file=None if file is None else _printable(file),
                reason=reason,
                detail=_printable(detail),
            )
            self._record.problems.append(problem)

    def _final_status(self) -> IngestionStatus:
        counts = self._record.counts
        if self._unreadable and not counts.discovered:
            return "failed"
        return "partial" if self._unreadable or counts.rejected else "completed"

    async def _begin(self) -> None:
        if not self._options.dry_run:
            await self._database.ingestions.insert({"_id": self._id, **self._record.stored()})

    async def _finish(self, status: IngestionStatus) -> None:
        self._record.status = status
        self._record.finished_at = datetime.now(UTC)
        self._record.seconds = round(time.monotonic() - self._started, 3)
        if not self._options.dry_run:
            await self._database.ingestions.update(
                {"_id": self._id}, {"$set": self._record.stored()}
            )


def _default_jobs() -> int:
    return min(8, len(os.sched_getaffinity(0)))


def _printable(text: str) -> str:
    """Return text that can be stored and sent: bytes that are not UTF-8 stand as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()[:2000]
