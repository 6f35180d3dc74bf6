"""`caseledger import`: run an import, show how it goes, and report what it did."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ingest.concurrency.gc_tuning import tune_garbage_collector
from ingest.importing import (
    ImportOptions,
    Limits,
    Report,
    budgets_of,
    ignore_progress,
    import_paths,
    parse_shard,
)
from models.configuration.rules import load_rules
from models.connection import open_database
from models.errors import UsageError
from models.ingestions.ingestion import Counts, ImportProblem, IngestionRecord
from models.settings import Settings
from models.version import VERSION

_SHOWN_PATHS = 10
_DONE, _REJECTED, _UNREADABLE = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user asks of `caseledger import`; `watch` is a pause between two looks, seconds."""

    jobs: int | None = None
    machine: str | None = None
    shard: str | None = None
    dry_run: bool = False
    as_json: bool = False
    quiet: bool = False
    strict: bool = False
    watch: float | None = None
    to: str | None = None
    token: str | None = field(default=None, repr=False)
    list_again: bool = False


def run_import(settings: Settings, paths: Sequence[Path], choices: Choices) -> int:
    """Import `paths` and return the exit code."""
    if choices.to is not None:
        return _send(settings, paths, choices, choices.to)
    tune_garbage_collector()
    options = import_options(settings, choices)
    reports: list[Report] = []

    def show(report: Report) -> None:
        if report.ingestion_id is not None or choices.watch is None:
            _show(report, choices)
            reports[:] = [report]

    try:
        asyncio.run(_import(settings, paths, options, choices, show))
    except (asyncio.CancelledError, KeyboardInterrupt):
        _interrupted()
    finally:
        # the event loop leaves the signals with their default, which cleans nothing up
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if reports and reports[-1].record.status == "interrupted":
        _interrupted()
    return _exit_code(reports[-1], choices) if reports else _DONE


def _send(settings: Settings, paths: Sequence[Path], choices: Choices, url: str) -> int:
    """Import through another server; the report has the same form."""
    from ingest.remote.sending import send

    if choices.dry_run or choices.watch is not None:
        raise UsageError("--to goes with neither --dry-run nor --watch")
    if choices.token is not None:
        settings = settings.model_copy(update={"token": SecretStr(choices.token)})
    shard = parse_shard(choices.shard) if choices.shard else None
    began = time.monotonic()
    sent = asyncio.run(send(settings, paths, url, choices.machine, shard))
    problems = [ImportProblem.model_validate(problem) for problem in sent.problems]
    record = IngestionRecord(
        source=" ".join(map(str, paths)),
        kind=sent.kind,
        status="partial" if sent.unreadable or sent.counts.rejected else "completed",
        counts=sent.counts,
        problems=problems,
        problem_count=len(problems),
        seconds=round(time.monotonic() - began, 3),
        started_at=datetime.now(UTC),
        caseledger_version=VERSION,
    )
    report = Report(None, record, sent.unreadable)
    _show(report, choices)
    return _exit_code(report, choices)


def import_options(settings: Settings, choices: Choices) -> ImportOptions:
    """Return the options of an import: what the settings say and what the user asks for."""
    return ImportOptions(
        jobs=choices.jobs or settings.jobs,
        dry_run=choices.dry_run,
        machine=choices.machine,
        max_file_bytes=settings.max_file_mib * 2**20,
        budgets=budgets_of(settings),
        limits=Limits(settings.worker_seconds, settings.worker_memory_mib * 2**20),
        shard=parse_shard(choices.shard) if choices.shard else None,
        rules=load_rules(settings.variation_file, settings.derivation_file),
        relist=choices.list_again,
        record_idle_runs=choices.watch is None,
    )


def _interrupted() -> NoReturn:
    typer.echo("caseledger: interrupted; run it again to go on", err=True)
    raise KeyboardInterrupt


def _show(report: Report, choices: Choices) -> None:
    if choices.as_json:
        typer.echo(json.dumps(report_json(report), ensure_ascii=False))
    elif not choices.quiet:
        print_report(report, dry_run=choices.dry_run)
    elif report.unreadable:
        for problem in report.record.problems:
            typer.echo(f"caseledger: {problem.path}: {problem.detail}", err=True)


def _exit_code(report: Report, choices: Choices) -> int:
    if report.unreadable:
        return _UNREADABLE
    return _REJECTED if choices.strict and report.record.counts.rejected else _DONE


async def _import(
    settings: Settings,
    paths: Sequence[Path],
    options: ImportOptions,
    choices: Choices,
    show: Callable[[Report], None],
) -> None:
    stopping = _stop_on_signals()
    with_bar = sys.stderr.isatty() and not choices.quiet
    async with open_database(settings, create=not options.dry_run) as database:
        while True:
            with _progress_bar(with_bar) as progress:
                report = await import_paths(database, paths, options, progress, stopping.is_set)
            show(report)
            if choices.watch is None or stopping.is_set():
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), choices.watch)
            if stopping.is_set():
                return


def _stop_on_signals() -> asyncio.Event:
    """Return what the first Ctrl-C or SIGTERM sets; the second one cancels the import."""
    task = asyncio.current_task()
    assert task is not None
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            task.cancel()
        elif sys.stderr.isatty():
            typer.echo("caseledger: finishing what is begun; again to stop at once", err=True)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return stopping


@contextmanager
def _progress_bar(show: bool) -> Iterator[Callable[[Counts], None]]:
    """Show the counters on stderr; nothing is left of the bar when the import is done."""
    if not show:
        yield ignore_progress
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Importing executions", total=None)

        def advance(counts: Counts) -> None:
            settled = (
                counts.created
                + counts.updated
                + counts.unchanged
                + counts.incomplete
                + counts.rejected
            )
            bar.update(task, total=counts.discovered, completed=settled)

        yield advance


def report_json(report: Report) -> dict[str, Any]:
    """Return the report as `--json` prints it."""
    record = report.record.model_dump(mode="json", by_alias=True)
    left_out = report.record.problem_count - len(report.record.problems)
    if left_out:
        record["problems"].append(
            {
                "path": record["source"],
                "file": None,
                "reason": "more_problems",
                "detail": f"{left_out} more problems are not listed",
            }
        )
    wanted = ("source", "kind", "status", "counts", "problems", "seconds")
    return {"ingestionId": report.ingestion_id, **{name: record[name] for name in wanted}}


def print_report(report: Report, *, dry_run: bool = False) -> None:
    """Print the report for people: the counters as a table, then the first problems."""
    console = Console()
    record = report.record
    title = f"{'Would import' if dry_run else 'Imported'} {record.source}: {record.status}"
    table = Table(title=Text(title), title_justify="left")
    for name in type(record.counts).model_fields:
        table.add_column(name, justify="right")
    table.add_column("seconds", justify="right")
    counts = [str(value) for value in record.counts.model_dump(by_alias=False).values()]
    table.add_row(*counts, f"{record.seconds:.1f}")
    console.print(table)
    by_path: dict[str, list[str]] = {}
    for problem in record.problems:
        by_path.setdefault(problem.path, []).append(problem.detail)
    for path, details in list(by_path.items())[:_SHOWN_PATHS]:
        console.print(
            f"{path}: {'; '.join(details)}", markup=False, highlight=False, soft_wrap=True
        )
    if len(by_path) > _SHOWN_PATHS:
        console.print(f"… and {len(by_path) - _SHOWN_PATHS} more with problems; --json lists them")
