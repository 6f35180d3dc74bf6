"""`caseledger import`: run an import, show its progress, and report what it did."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import typer
from pydantic import SecretStr

from ingest.importing import (
    ImportOptions,
    Limits,
    Progress,
    Report,
    budgets_of,
    ignore_progress,
    import_paths,
    parse_shard,
)
from models.configuration.rules import load_rules
from models.connection import open_database
from models.errors import UsageError
from models.ingestions.damage import Damage
from models.ingestions.ingestion import ImportProblem, IngestionRecord
from models.settings import Settings
from models.version import VERSION

_DONE, _REJECTED, _UNREADABLE = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Choices:
    """The options of `caseledger import`; `watch` is the pause between two imports, in seconds."""

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
        # the event loop resets the signals to their defaults, which clean nothing up
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if reports and reports[-1].record.status == "interrupted":
        _interrupted()
    return _exit_code(reports[-1], choices) if reports else _DONE


def _send(settings: Settings, paths: Sequence[Path], choices: Choices, url: str) -> int:
    """Import through another server; the report has the same form."""
    from ingest.remote.sending import send

    if choices.dry_run or choices.watch is not None:
        raise UsageError("--to cannot be combined with --dry-run or --watch")
    if choices.token is not None:
        settings = settings.model_copy(update={"token": SecretStr(choices.token)})
    shard = parse_shard(choices.shard) if choices.shard else None
    began = time.monotonic()
    sent = asyncio.run(send(settings, paths, url, choices.machine, shard, _print_damage))
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


def _print_damage(damage: Damage) -> None:
    typer.echo(f"caseledger: {damage.path}: {damage.detail}", err=True)


def import_options(settings: Settings, choices: Choices) -> ImportOptions:
    """Return the options of an import, from the settings and the options of the command."""
    return ImportOptions(
        jobs=choices.jobs or settings.jobs,
        dry_run=choices.dry_run,
        machine=choices.machine,
        strict=choices.strict,
        max_file_bytes=settings.max_file_mib * 2**20,
        budgets=budgets_of(settings),
        limits=Limits(settings.worker_seconds, settings.worker_memory_mib * 2**20),
        shard=parse_shard(choices.shard) if choices.shard else None,
        rules=load_rules(settings.variation_file, settings.derivation_file),
        relist=choices.list_again,
        record_idle_runs=choices.watch is None,
    )


def _interrupted() -> NoReturn:
    typer.echo("caseledger: interrupted; run the command again to continue", err=True)
    raise KeyboardInterrupt


def _show(report: Report, choices: Choices) -> None:
    from api.cli.import_report import print_report, report_json

    if choices.as_json:
        typer.echo(json.dumps(report_json(report), ensure_ascii=False))
    elif not choices.quiet:
        print_report(report, dry_run=choices.dry_run)
    else:
        shown = report.record.problems if report.unreadable else report.nothing_found
        for problem in shown:
            typer.echo(f"caseledger: {problem.path}: {problem.detail}", err=True)


def _exit_code(report: Report, choices: Choices) -> int:
    if report.unreadable:
        return _UNREADABLE
    is_rejected = report.record.counts.rejected or report.nothing_found
    return _REJECTED if choices.strict and is_rejected else _DONE


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
            with _progress(with_bar) as progress:
                report = await import_paths(database, paths, options, progress, stopping.is_set)
            show(report)
            if choices.watch is None or stopping.is_set():
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), choices.watch)
            if stopping.is_set():
                return


def _progress(with_bar: bool) -> AbstractContextManager[Progress]:
    if not with_bar:
        return nullcontext(ignore_progress)
    from api.cli.import_progress import progress_bar

    return progress_bar()


def _stop_on_signals() -> asyncio.Event:
    """Return an event that the first Ctrl-C or SIGTERM sets; the second one cancels the import."""
    task = asyncio.current_task()
    assert task is not None
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            task.cancel()
        elif sys.stderr.isatty():
            typer.echo("caseledger: finishing what has begun; again to stop at once", err=True)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return stopping
