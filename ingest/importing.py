"""The import: discover, skip what is known, parse, write, and keep the record of it.

Whoever runs an import comes in here: the command line, the API, benchmarks.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from ingest.archives.budgets import Budgets, budgets_of
from ingest.archives.kinds import is_archive, is_single_file
from ingest.builds.importing import import_builds, open_place
from ingest.cases.assemble import Origin
from ingest.cases.directory_cache import ListedDirectories
from ingest.cases.screening import Looked, look_at
from ingest.cases.shard import Shard, parse_shard
from ingest.cases.sources.base import Content, Found, Located, Source, case_directory, grouped
from ingest.cases.sources.open import open_source
from ingest.cases.workers import Task, Workers
from ingest.concurrency.bounded import AtOnce
from ingest.concurrency.limits import Limits
from ingest.concurrency.prefetch import in_turn, one_ahead, until
from ingest.specs.importing import SpackFiles, import_specs
from models.cases.case import CaseRecord
from models.cases.identity import CaseKey
from models.cases.observation import Observation
from models.cases.recording import write_case
from models.configuration.rules import Tables
from models.database.client import Database
from models.errors import DamagedError, DatabaseError, DocumentTooLargeError, SourceError
from models.ingestions.audit import Audit, Progress
from models.ingestions.damage import Damage
from models.ingestions.heartbeat import end_killed, heartbeat
from models.ingestions.ingestion import (
    Counts,
    IngestionRecord,
)

__all__ = [
    "Budgets",
    "ImportOptions",
    "Limits",
    "Progress",
    "Report",
    "Shard",
    "Stop",
    "budgets_of",
    "import_paths",
    "parse_shard",
]

_WRITES_AT_ONCE = 8  # cases; most of a write is waiting for the journal
_KIND = "performance_archive"
_SPACK, _MIXED = "spack", "mixed"

Stop = Callable[[], bool]
"""Tells whether the import is to end after what it is at."""


def never() -> bool:
    """Go on to the end."""
    return False


def no_progress(_counts: Counts) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import.

    `jobs` are parser processes; with 0 everything is read in this one, without its limits.
    `machine` is that of executions that do not tell theirs. With a `shard`, only the cases of that
    one are imported. With `lists_again`, directories are listed that are as they were when they
    were listed last. Without `keeps_idle_record`, an import that finds nothing new leaves no audit
    record, which has the id `ingestion_id` if that is given. `source_name` is what an uploaded
    archive is called, which lies under another name.
    """

    jobs: int | None = None
    dry_run: bool = False
    machine: str | None = None
    max_file_bytes: int = 64 * 2**20
    budgets: Budgets = field(default_factory=Budgets)
    limits: Limits = field(default_factory=Limits)
    shard: Shard | None = None
    tables: Tables = field(default_factory=Tables)
    lists_again: bool = False
    keeps_idle_record: bool = True
    ingestion_id: str | None = None
    source_name: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did. `unreadable` counts the sources that could not be read, or not whole."""

    ingestion_id: str | None
    record: IngestionRecord
    unreadable: int


async def import_paths(
    database: Database,
    paths: Sequence[Path | Source],
    options: ImportOptions,
    progress: Progress = no_progress,
    stop: Stop = never,
) -> Report:
    """Import everything below these paths; running it again finishes or finds nothing to do.

    A source that is open already may stand in the place of a path.

    When `stop` tells so, what is being read is still written, and the record is `interrupted`.
    DatabaseError when MongoDB fails; what was written until then stays, and is whole.
    """
    running = _Import(database, paths, options, progress, stop)
    return await running.run()


class _Import:
    """One run of the import."""

    def __init__(
        self,
        database: Database,
        paths: Sequence[Path | Source],
        options: ImportOptions,
        progress: Progress,
        stop: Stop,
    ) -> None:
        self._database = database
        self._paths = paths
        self._options = options
        self._stop = stop
        self._listed = ListedDirectories(database, again=options.lists_again)
        self._turns: WeakValueDictionary[CaseKey, asyncio.Lock] = WeakValueDictionary()
        ingestions = None if options.dry_run else database.ingestions
        named: list[Path | str] = [
            path.path if isinstance(path, Source) else path for path in paths
        ]
        self._audit = Audit(
            ingestions, named, _KIND, progress, options.ingestion_id, options.source_name
        )

    async def run(self) -> Report:
        """Import all paths, and keep the audit record, also when something stops the import."""
        audit = self._audit
        if not self._options.dry_run:
            await end_killed(self._database.ingestions)
        if self._options.keeps_idle_record:
            await audit.begin()
        try:
            async with heartbeat(self._database.ingestions, audit.id):
                await self._import_all()
        except asyncio.CancelledError:
            with suppress(DatabaseError):
                await audit.finish("interrupted")
            raise
        except Exception:
            with suppress(DatabaseError):
                await audit.finish("failed")
            raise
        await audit.finish("interrupted" if self._stop() else audit.final_status())
        return Report(audit.id if audit.is_stored else None, audit.record, audit.unreadable)

    async def _import_all(self) -> None:
        jobs = _default_jobs() if self._options.jobs is None else self._options.jobs
        async with Workers(jobs, self._options.limits, self._stop) as workers:
            for path in self._paths:
                await self._import_path(path, workers)

    async def _import_path(self, path: Path | Source, workers: Workers) -> None:
        if isinstance(path, Source):
            await self._import_source(path, workers)
            return
        try:
            if is_single_file(path):
                await self._import_software(path, ())
                return
            source = open_source(path, self._options.budgets, self._options.source_name)
        except SourceError as error:
            self._audit.unreadable += 1
            self._audit.note(str(path), None, "unreadable", str(error))
            return
        found = self._audit.record.counts.discovered
        await self._import_source(source, workers)
        is_empty = self._audit.record.counts.discovered == found
        if (is_empty or not is_archive(path)) and not self._stop():
            await self._import_software(path, source.damages)

    async def _import_specs(self, path: Path, known: Sequence[Damage]) -> None:
        """Import what Spack has written; an archive of executions is not gone through for it."""
        shard, record = self._options.shard, self._audit.record
        if shard is not None and not shard.has(str(path)):
            return
        is_first = not record.counts.discovered
        name, dry_run = self._options.source_name, self._options.dry_run
        files = SpackFiles(path, self._options.budgets, self._options.max_file_bytes, name)
        is_named = is_single_file(path) and not open_place(path, self._options.budgets).units()
        count = await import_specs(
            self._database, files, self._audit, self._stop, dry_run=dry_run, is_named=is_named
        )
        if count:
            record.kind = _SPACK if is_first or record.kind == _SPACK else _MIXED
        noted = {(damage.path, damage.reason) for damage in known}
        new = [each for each in files.damages if (each.path, each.reason) not in noted]
        self._note_damages(new, is_partial=bool(known))

    async def _import_software(self, path: Path, known: Sequence[Damage]) -> None:
        """Import the specs of a path, and then the builds that lie among them."""
        try:
            await self._import_specs(path, known)
        except SourceError:
            if not await self._import_builds(path):
                raise
            return
        await self._import_builds(path)

    async def _import_builds(self, path: Path) -> int:
        """Import builds, and return of how many there are files."""
        shard, record = self._options.shard, self._audit.record
        if self._stop() or (shard is not None and not shard.has(str(path))):
            return 0
        is_first = not record.counts.discovered
        place = open_place(path, self._options.budgets, self._options.source_name)
        count = await import_builds(
            self._database, place, self._audit, self._stop, dry_run=self._options.dry_run
        )
        if count:
            record.kind = _SPACK if is_first or record.kind == _SPACK else _MIXED
        noted = {(problem.path, problem.reason) for problem in record.problems}
        new = [each for each in place.damages if (each.path, each.reason) not in noted]
        self._note_damages(new)
        return count

    async def _import_source(self, source: Source, workers: Workers) -> None:
        batches = self._look_at_all(source)
        if source.looks_ahead:
            batches = one_ahead(batches)
        async with AtOnce(_WRITES_AT_ONCE) as writes, aclosing(batches):
            with closing(source):
                async for looked in until(self._stop, batches):
                    self._audit.count("discovered", looked.unchanged + len(looked.wanted))
                    self._audit.count("unchanged", looked.unchanged)
                    await self._remember(looked.settled)
                    if looked.wanted:
                        await self._audit.begin()
                        await self._import_wanted(source, looked.wanted, workers, writes)
        await self._listed.save()
        self._note_damages(source.damages)

    async def _look_at_all(self, source: Source) -> AsyncGenerator[Looked, None]:
        async with aclosing(in_turn(source.batches())) as batches:
            async for batch in batches:
                mine = self._own_shard(batch)
                yield await look_at(self._database, self._listed, source, mine)

    def _own_shard(self, batch: Sequence[Located]) -> Sequence[Located]:
        shard = self._options.shard
        return batch if shard is None else [place for place in batch if shard.has(place.path)]

    async def _remember(self, directories: Iterable[Found]) -> None:
        if not self._options.dry_run:
            for found in directories:
                await self._listed.remember(found)

    async def _import_wanted(
        self, source: Source, wanted: Sequence[Found], workers: Workers, writes: AtOnce
    ) -> None:
        left = {found.path for found in wanted}
        contents = source.read(wanted, self._options.max_file_bytes)
        batches = grouped(contents, lambda item: item[0].path, lambda item: item[1].held)
        async for batch in until(self._stop, in_turn(batches)):
            left.difference_update(found.path for found, _ in batch)
            await self._import_contents(batch, workers, writes)
        for path in sorted(left) if not self._stop() else ():
            self._audit.reject(path, "damaged_archive", "the archive ends before it")

    async def _import_contents(
        self, batch: Sequence[tuple[Found, Content]], workers: Workers, writes: AtOnce
    ) -> None:
        tasks = [self._task(found, content) for found, content in batch]
        waiting = Counter(case_directory(task.origin.path) for task in tasks)
        founds = {found.path: found for found, _ in batch}
        observed: dict[str, list[Observation]] = {}
        async with aclosing(workers.observe_all(tasks)) as results:
            async for result in results:
                directory = case_directory(result.path)
                if result.observation is None:
                    self._audit.reject(result.path, result.reason or "unknown", result.detail or "")
                else:
                    observed.setdefault(directory, []).append(result.observation)
                    if result.observation.execution.is_whole:
                        await self._remember([founds[result.path]])
                waiting[directory] -= 1
                if not waiting[directory]:
                    await writes.start(self._write_cases(observed.pop(directory, [])))
                    await self._audit.save()
        for observations in observed.values():  # of cases that were not read to their end
            await writes.start(self._write_cases(observations))

    async def _write_cases(self, observations: Sequence[Observation]) -> None:
        """Write the executions of one case directory, while the workers go on with others."""
        by_key: dict[CaseKey, list[Observation]] = {}
        for observation in observations:
            by_key.setdefault(observation.key, []).append(observation)
        for key in sorted(by_key):
            turn = self._turns.setdefault(key, asyncio.Lock())
            async with turn:
                await self._write(key, by_key[key])

    def _task(self, found: Found, content: Content) -> Task:
        origin = Origin(
            path=found.path,
            fingerprint=found.fingerprint,
            ingestion_id=self._audit.id,
            file_count=len(found.entries),
            files_modified=found.modified,
            machine=self._options.machine,
        )
        return Task(found.location, found.entries, content, origin, self._options.max_file_bytes)

    async def _write(self, key: CaseKey, observations: list[Observation]) -> None:
        try:
            options = self._options
            folded = await write_case(
                self._database, key, observations, options.tables, dry_run=options.dry_run
            )
        except DamagedError as error:
            for observation in observations:
                self._audit.reject(observation.execution.source_path, "damaged_case", str(error))
            return
        except DocumentTooLargeError as error:
            if len(observations) > 1:  # one of them may be it, or they are only too many at once
                middle = len(observations) // 2
                for part in (observations[:middle], observations[middle:]):
                    await self._write(key, part)
            else:
                self._audit.reject(observations[0].execution.source_path, "too_large", str(error))
            return
        seen: set[str] = set()
        for observation in observations:
            lid = observation.execution.execution_id
            outcome = "unchanged" if lid in seen else folded.outcomes[lid]
            seen.add(lid)
            self._audit.count(outcome)
            if outcome != "unchanged":
                self._note_problems(observation, folded.case)

    def _note_problems(self, observation: Observation, case: CaseRecord) -> None:
        execution = observation.execution
        if len(case.case_groups) > 1 and execution.case_group:
            detail = f"the executions of {case.name} tell of {', '.join(case.case_groups)}"
            self._audit.note(execution.source_path, "env_case.xml", "case_groups_disagree", detail)
        for name in execution.missing:
            self._audit.note(execution.source_path, name, "missing", f"there is no {name}")
        for problem in execution.problems:
            self._audit.note(execution.source_path, problem.file, problem.reason, problem.detail)

    def _note_damages(self, damages: Sequence[Damage], *, is_partial: bool = False) -> None:
        self._audit.unreadable += bool(damages) and not is_partial
        for damage in damages:
            self._audit.note(damage.path, None, damage.reason, damage.detail)


def _default_jobs() -> int:
    return min(8, len(os.sched_getaffinity(0)))
