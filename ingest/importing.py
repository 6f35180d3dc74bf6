"""The import: open each path, hand it to the wings of cases, specs and builds, keep the record.

Every import begins here, whether the command line, the API or a benchmark starts it.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.archives.budgets import Budgets, budgets_of
from ingest.archives.kinds import is_archive, is_single_file
from ingest.archives.passed_over import NOTHING_FOUND, describe_nothing
from ingest.builds.discover import is_of_build
from ingest.builds.importing import import_builds, open_build_source
from ingest.cases.importing import ExecutionImport, ExecutionOptions
from ingest.cases.shard import Shard, parse_shard
from ingest.cases.sources.base import Source
from ingest.cases.sources.open import open_source
from ingest.cases.workers import Workers
from ingest.concurrency.limits import Limits
from ingest.specs.discover import SpackFiles, can_hold_specs
from ingest.specs.importing import import_specs
from models.cases.lid import parse_lid
from models.configuration.rules import DeltaRules
from models.database.client import Database
from models.errors import DatabaseError, SourceError
from models.ingestions.audit import Audit, Progress
from models.ingestions.damage import Damage
from models.ingestions.heartbeat import end_killed, heartbeat
from models.ingestions.ingestion import Counts, ImportProblem, IngestionRecord

__all__ = [
    "Budgets",
    "ImportOptions",
    "Limits",
    "Progress",
    "Report",
    "Shard",
    "Stop",
    "budgets_of",
    "ignore_progress",
    "import_paths",
    "parse_shard",
]

_MAX_DEFAULT_JOBS = 8
_ARCHIVE, _SPACK, _MIXED = "performance_archive", "spack", "mixed"

Stop = Callable[[], bool]
"""Returns whether the import should end once it has written what it is reading."""


def never_stop() -> bool:
    """Return False, so that the import runs to its end."""
    return False


def ignore_progress(_counts: Counts) -> None:
    """Ignore the counters of an import that nobody watches."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import.

    `jobs` is the number of parser processes; with 0 everything is read in this process, without
    limits of time and memory. `machine` is the machine of executions whose path and files do not
    name one. With `strict`, specs with a hash that is not that of their content are rejected. With
    a `shard`, only its part of the cases is imported. With `relist`, directories
    that have not changed since they were last listed are listed again. Without `record_idle_runs`,
    an import that finds nothing new leaves no audit record. `ingestion_id` is the id of the audit
    record, None for a new one. `source_name` is the name of an uploaded archive, whose file has
    another name here. With `is_resolved`, the paths were checked after all symbolic links in them
    were resolved: one that has such a link by now is not read.
    """

    jobs: int | None = None
    dry_run: bool = False
    machine: str | None = None
    strict: bool = False
    max_file_bytes: int = 64 * 2**20
    budgets: Budgets = field(default_factory=Budgets)
    limits: Limits = field(default_factory=Limits)
    shard: Shard | None = None
    rules: DeltaRules = field(default_factory=DeltaRules)
    relist: bool = False
    record_idle_runs: bool = True
    ingestion_id: str | None = None
    source_name: str | None = None
    is_resolved: bool = False

    @property
    def of_executions(self) -> ExecutionOptions:
        """The options that concern executions."""
        return ExecutionOptions(
            dry_run=self.dry_run,
            machine=self.machine,
            max_file_bytes=self.max_file_bytes,
            shard=self.shard,
            rules=self.rules,
            relist=self.relist,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an import; `unreadable` counts the sources that were not read to their end."""

    ingestion_id: str | None
    record: IngestionRecord
    unreadable: int

    @property
    def nothing_found(self) -> list[ImportProblem]:
        """The problems that name paths in which there is nothing of E3SM or Spack."""
        return [each for each in self.record.problems if each.reason == NOTHING_FOUND]


async def import_paths(
    database: Database,
    paths: Sequence[Path | Source],
    options: ImportOptions,
    progress: Progress = ignore_progress,
    stop: Stop = never_stop,
) -> Report:
    """Import everything below these paths; a second run finishes the first or finds nothing new.

    A path may be a source that is already open. Once `stop()` is true, what is being read is still
    written, and the record becomes `interrupted`. Raise DatabaseError when MongoDB fails; what was
    written until then is consistent and remains.
    """
    return await _Import(database, paths, options, progress, stop).run()


def may_belong(name: str) -> bool:
    """Return whether a member of an archive may belong to an execution, a spec or a build."""
    if is_of_build(name) or can_hold_specs(name):
        return True
    return any(parse_lid(part) is not None for part in name.split("/")[:-1])


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
        self._budgets = replace(options.budgets, may_belong=may_belong)
        self._stop = stop
        ingestions = None if options.dry_run else database.ingestions
        names: list[Path | str] = [
            path.path if isinstance(path, Source) else path for path in paths
        ]
        self._audit = Audit(
            ingestions, names, _ARCHIVE, progress, options.ingestion_id, options.source_name
        )

    async def run(self) -> Report:
        """Import all paths; store the audit record even when an error ends the import."""
        audit = self._audit
        if not self._options.dry_run:
            await end_killed(self._database.ingestions)
        if self._options.record_idle_runs:
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
            executions = ExecutionImport(
                self._database, workers, self._audit, self._options.of_executions, self._stop
            )
            for path in self._paths:
                await self._import_path(path, executions)

    async def _import_path(self, path: Path | Source, executions: ExecutionImport) -> None:
        if isinstance(path, Source):
            await executions.import_source(path)
            return
        try:
            await self._import_files(path, executions)
        except SourceError as error:
            self._audit.unreadable += 1
            self._audit.note(str(path), None, "unreadable", str(error))

    async def _import_files(self, path: Path, executions: ExecutionImport) -> None:
        self._refuse_links(path)
        if is_single_file(path):
            await self._import_software(path, ())
            return
        source = open_source(path, self._budgets, self._options.source_name)
        self._refuse_links(path)
        counts = self._audit.record.counts
        before, problems = counts.discovered, self._audit.record.problem_count
        await executions.import_source(source)
        # An archive of executions holds no files of Spack: save the time to read it once more.
        has_executions = counts.discovered > before
        if not (has_executions and is_archive(path)) and not self._stop():
            self._refuse_links(path)
            await self._import_software(path, source.damages)
        if counts.discovered == before and self._audit.record.problem_count == problems:
            await self._note_nothing(path)

    def _refuse_links(self, path: Path) -> None:
        """Raise SourceError when a path that was resolved leads through a symbolic link by now."""
        if self._options.is_resolved and Path(os.path.realpath(path)) != path:
            raise SourceError(f"{path} leads elsewhere since it was checked; send it again")

    async def _note_nothing(self, path: Path) -> None:
        """Note that nothing was found in a path, unless this says nothing about the path.

        It does not for a part of a divided import, for an import that is repeated until something
        comes, and for an upload, which may be one of several parts.
        """
        options = self._options
        is_whole = options.shard is None and options.source_name is None
        if is_whole and options.record_idle_runs and not self._stop():
            detail = await asyncio.to_thread(describe_nothing, path, self._budgets)
            self._audit.note(str(path), None, NOTHING_FOUND, detail)

    async def _import_software(self, path: Path, known: Sequence[Damage]) -> None:
        """Import the specs of a path, then its builds.

        `known` is the damage that was noted during the search for executions; it is not noted
        again.
        """
        try:
            await self._import_specs(path, known)
        except SourceError:
            if not await self._import_builds(path):
                raise
            return
        await self._import_builds(path)

    async def _import_specs(self, path: Path, known: Sequence[Damage]) -> None:
        if not self._is_in_shard(path):
            return
        options = self._options
        is_first = not self._audit.record.counts.discovered
        files = SpackFiles(path, self._budgets, options.max_file_bytes, options.source_name)
        is_named = is_single_file(path) and not open_build_source(path, self._budgets).units()
        count = await import_specs(
            self._database,
            files,
            self._audit,
            self._stop,
            dry_run=options.dry_run,
            is_named=is_named,
            strict=options.strict,
        )
        self._note_kind(count, is_first=is_first)
        self._audit.note_damages(_new_damages(files.damages, known), is_partial=bool(known))

    async def _import_builds(self, path: Path) -> int:
        """Import builds; return how many the path has files of."""
        if self._stop() or not self._is_in_shard(path):
            return 0
        options, record = self._options, self._audit.record
        is_first = not record.counts.discovered
        source = open_build_source(path, self._budgets, options.source_name)
        count = await import_builds(
            self._database, source, self._audit, self._stop, dry_run=options.dry_run
        )
        self._note_kind(count, is_first=is_first)
        self._audit.note_damages(_new_damages(source.damages, record.problems))
        return count

    def _is_in_shard(self, path: Path) -> bool:
        shard = self._options.shard
        return shard is None or shard.has(str(path))

    def _note_kind(self, count: int, *, is_first: bool) -> None:
        """Set the kind of the record when `count` files of Spack were found.

        `is_first` means that nothing else was found before them.
        """
        record = self._audit.record
        if count:
            record.kind = _SPACK if is_first or record.kind == _SPACK else _MIXED


def _new_damages(
    damages: Iterable[Damage], noted: Iterable[Damage | ImportProblem]
) -> list[Damage]:
    """Return the damages of which no path and reason has been noted."""
    known = {(problem.path, problem.reason) for problem in noted}
    return [damage for damage in damages if (damage.path, damage.reason) not in known]


def _default_jobs() -> int:
    return min(_MAX_DEFAULT_JOBS, len(os.sched_getaffinity(0)))
