"""The report of an import, as JSON and as a table for people."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingest.importing import Report

_SHOWN_PATHS = 10


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
