"""The import of the executions of a source: screen, read, parse, merge into their cases."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from ingest.cases.directory_cache import DirectoryCache
from ingest.cases.origin import Origin
from ingest.cases.placing import Placing
from ingest.cases.screening import Screening, screen
from ingest.cases.shard import Shard
from ingest.cases.sources.base import (
    Content,
    ExecutionDirectory,
    ExecutionPath,
    Source,
    batches_by_case,
    case_directory,
)
from ingest.cases.task import Task
from ingest.cases.workers import Workers
from ingest.concurrency.bounded import BoundedTasks
from ingest.concurrency.prefetch import iterate_in_thread, prefetch_one, take_until
from models.cases.identity import CaseKey
from models.configuration.rules import DeltaRules
from models.database.client import Database
from models.errors import DamagedError, DocumentTooLargeError
from models.ingestions.audit import Audit

if TYPE_CHECKING:
    from models.cases.case import CaseRecord
    from models.cases.observation import Observation

_NO_MACHINE = (
    "none of its files names its machine, and neither do other executions of its case: none is"
    " recorded, or they ran on several machines, and none in the same directory; import others of"
    " its directory first, or say which with --machine"
)
_MAX_CONCURRENT_WRITES = 8  # cases; most of a write is waiting for the journal


@dataclass(frozen=True, slots=True)
class ExecutionOptions:
    """How to import executions; `ingest.importing.ImportOptions` explains each."""

    dry_run: bool = False
    machine: str | None = None
    max_file_bytes: int = 64 * 2**20
    shard: Shard | None = None
    rules: DeltaRules = field(default_factory=DeltaRules)
    relist: bool = False


class ExecutionImport:
    """Imports the executions of one source after the other, with the same workers."""

    def __init__(
        self,
        database: Database,
        workers: Workers,
        audit: Audit,
        options: ExecutionOptions,
        stop: Callable[[], bool],
    ) -> None:
        self._database = database
        self._workers = workers
        self._audit = audit
        self._options = options
        self._stop = stop
        self._placing = Placing(database, options.machine)
        self._untold: list[Observation] = []
        self._disagreements: set[str] = set()  # about the same directory, once
        self._directories = DirectoryCache(database, relist=options.relist)
        # One writer at a time for each case: two would conflict, and one would have to retry.
        self._case_locks: WeakValueDictionary[CaseKey, asyncio.Lock] = WeakValueDictionary()

    async def import_source(self, source: Source) -> None:
        """Import what is new in a source, and note in the audit record what could not be read.

        Once `stop()` is true no further directory is read; those that are being read are still
        written.
        """
        batches = self._screen_all(source)
        if source.can_prefetch:
            batches = prefetch_one(batches)
        async with BoundedTasks(_MAX_CONCURRENT_WRITES) as writes, aclosing(batches):
            with closing(source):
                async for screening in take_until(self._stop, batches):
                    await self._import_batch(source, screening, writes)
        await self._write_untold()
        await self._directories.save()
        self._audit.note_damages(source.damages)

    async def _screen_all(self, source: Source) -> AsyncGenerator[Screening, None]:
        async with aclosing(iterate_in_thread(source.batches())) as batches:
            async for batch in batches:
                yield await screen(self._database, self._directories, source, self._in_shard(batch))

    def _in_shard(self, batch: Sequence[ExecutionPath]) -> Sequence[ExecutionPath]:
        shard = self._options.shard
        return batch if shard is None else [place for place in batch if shard.has(place.path)]

    async def _import_batch(
        self, source: Source, screening: Screening, writes: BoundedTasks
    ) -> None:
        self._audit.count("discovered", screening.unchanged + len(screening.to_read))
        self._audit.count("unchanged", screening.unchanged)
        await self._remember(screening.settled)
        if screening.to_read:
            await self._audit.begin()
            await self._read(source, screening.to_read, writes)

    async def _remember(self, directories: Iterable[ExecutionDirectory]) -> None:
        if not self._options.dry_run:
            for directory in directories:
                await self._directories.remember(directory)

    async def _read(
        self, source: Source, directories: Sequence[ExecutionDirectory], writes: BoundedTasks
    ) -> None:
        missing = {directory.path for directory in directories}
        contents = source.read(directories, self._options.max_file_bytes)
        batches = batches_by_case(
            contents, lambda item: item[0].path, lambda item: item[1].byte_count
        )
        async for batch in take_until(self._stop, iterate_in_thread(batches)):
            missing.difference_update(directory.path for directory, _ in batch)
            await self._parse(batch, writes)
        for path in sorted(missing) if not self._stop() else ():
            self._audit.reject(path, "damaged_archive", "the archive ends before it")

    async def _parse(
        self, batch: Sequence[tuple[ExecutionDirectory, Content]], writes: BoundedTasks
    ) -> None:
        """Parse directories in the workers, and write each case as soon as it is parsed."""
        tasks = [self._task(directory, content) for directory, content in batch]
        waiting = Counter(case_directory(task.origin.path) for task in tasks)
        directories = {directory.path: directory for directory, _ in batch}
        observed: dict[str, list[Observation]] = {}
        async with aclosing(self._workers.observe_all(tasks)) as results:
            async for result in results:
                case = case_directory(result.path)
                if result.observation is None:
                    self._audit.reject(result.path, result.reason or "unknown", result.detail or "")
                else:
                    observed.setdefault(case, []).append(result.observation)
                    if result.observation.execution.is_whole:
                        await self._remember([directories[result.path]])
                waiting[case] -= 1
                if not waiting[case]:
                    await writes.spawn(self._write_cases(observed.pop(case, [])))
                    await self._audit.save()
        for observations in observed.values():  # cases of which stop() left out some directories
            await writes.spawn(self._write_cases(observations))

    def _task(self, directory: ExecutionDirectory, content: Content) -> Task:
        origin = Origin(
            path=directory.path,
            fingerprint=directory.fingerprint,
            ingestion_id=self._audit.id,
            file_count=len(directory.entries),
            files_modified=directory.modified,
        )
        return Task(
            directory.location, directory.entries, content, origin, self._options.max_file_bytes
        )

    async def _write_cases(self, observations: "Sequence[Observation]") -> None:
        """Write the executions of one case directory, which usually belong to one case."""
        by_key: dict[CaseKey, list[Observation]] = {}
        for observation in observations:
            if not observation.key.machine:
                self._untold.append(observation)
                continue
            self._placing.note(observation)
            by_key.setdefault(observation.key, []).append(observation)
        for key in sorted(by_key):
            async with self._case_locks.setdefault(key, asyncio.Lock()):
                await self._write(key, by_key[key])

    async def _write_untold(self) -> None:
        """Write the executions whose files name no machine, after the others of their cases."""
        untold, self._untold = self._untold, []
        placed = []
        for observation in untold:
            execution = observation.execution
            found = await self._placing.place(observation)
            if found is None:
                self._audit.reject(execution.source_path, "no_identity", _NO_MACHINE)
            else:
                placed.append(found)
        if placed:
            await self._write_cases(placed)

    async def _write(self, key: CaseKey, observations: "list[Observation]") -> None:
        # An import that finds nothing new needs none of this.
        from models.cases.recording import write_case

        options = self._options
        try:
            merged = await write_case(
                self._database, key, observations, options.rules, dry_run=options.dry_run
            )
        except DamagedError as error:
            for observation in observations:
                self._audit.reject(observation.execution.source_path, "damaged_case", str(error))
            return
        except DocumentTooLargeError as error:
            if len(observations) > 1:  # find the one that is too large, or write fewer at a time
                middle = len(observations) // 2
                for part in (observations[:middle], observations[middle:]):
                    await self._write(key, part)
            else:
                self._audit.reject(observations[0].execution.source_path, "too_large", str(error))
            return
        self._count(observations, merged.outcomes, merged.case)

    def _count(
        self, observations: "Sequence[Observation]", outcomes: Mapping[str, str], case: "CaseRecord"
    ) -> None:
        """Count each directory once; further copies of the same execution count as unchanged."""
        counted: set[str] = set()
        for observation in observations:
            execution_id = observation.execution.execution_id
            outcome = "unchanged" if execution_id in counted else outcomes[execution_id]
            counted.add(execution_id)
            self._audit.count(outcome)
            if outcome != "unchanged":
                self._note_problems(observation, case)

    def _note_problems(self, observation: "Observation", case: "CaseRecord") -> None:
        execution = observation.execution
        if len(case.case_groups) > 1 and execution.case_group:
            detail = f"the executions of {case.name} name {', '.join(case.case_groups)}"
            self._audit.note(execution.source_path, "env_case.xml", "case_groups_disagree", detail)
        for name in execution.missing:
            self._audit.note(execution.source_path, name, "missing", f"there is no {name}")
        for problem in execution.problems:
            if problem.reason == "machine_disagrees":
                if problem.detail in self._disagreements:
                    continue
                self._disagreements.add(problem.detail)
            self._audit.note(execution.source_path, problem.file, problem.reason, problem.detail)
