"""`caseledger ingestions`: the imports that were run, and the problems of each."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from models.connection import open_database
from models.errors import UsageError
from models.ingestions.heartbeat import end_killed
from models.ingestions.ingestion import COUNTED
from models.settings import Settings

_SHOWN_ID_LENGTH = 8


def show_ingestions(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Print the latest imports, without their problems."""
    records = asyncio.run(_find_latest(settings, limit))
    if as_json:
        typer.echo(json.dumps(records, indent=2, default=str))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("id", "started", "status"):
        table.add_column(column, no_wrap=True)
    for column in ("items", "source"):
        table.add_column(column, overflow="fold")
    for record in records:
        table.add_row(
            record["id"][:_SHOWN_ID_LENGTH],
            f"{record['startedAt']:%Y-%m-%d %H:%M}",
            record["status"],
            _counts_text(record["counts"]),
            record["source"],
        )
    Console().print(table)


def _counts_text(counts: Mapping[str, int]) -> str:
    parts = (f"{counts[name]} {name}" for name in COUNTED if counts.get(name))
    return ", ".join(parts) or "none"


def show_ingestion(settings: Settings, id_prefix: str, *, as_json: bool) -> None:
    """Print one import with its problems.

    Raise UsageError when no import, or more than one, has an id that begins with `id_prefix`.
    """
    records = asyncio.run(_find_by_prefix(settings, id_prefix))
    if not records:
        raise UsageError(f"{id_prefix}: there is no such ingestion")
    if len(records) > 1:
        raise UsageError(f"{id_prefix}: several ingestions have ids that begin so; add characters")
    record = records[0]
    if as_json:
        typer.echo(json.dumps(record, indent=2, default=str))
        return
    for name, value in record.items():
        if name != "problems":
            typer.echo(f"{name}: {value}")
    for problem in record["problems"]:
        file = f" {problem['file']}:" if problem["file"] else ""
        typer.echo(f"{problem['path']}:{file} {problem['detail']}")


async def _find_latest(settings: Settings, limit: int) -> list[dict[str, Any]]:
    async with open_database(settings) as database:
        await end_killed(database.ingestions)
        records = await database.ingestions.find(
            {}, {"problems": 0}, sort=[("startedAt", -1), ("_id", 1)], limit=limit
        )
    return [{"id": record.pop("_id"), **record} for record in records]


async def _find_by_prefix(settings: Settings, id_prefix: str) -> list[dict[str, Any]]:
    """Return at most two imports: enough to know whether the prefix is unique."""
    query = {"_id": {"$gte": id_prefix, "$lt": f"{id_prefix}~"}}  # ~ sorts after all of an id
    async with open_database(settings) as database:
        await end_killed(database.ingestions)
        records = await database.ingestions.find(query, limit=2)
    return [{"id": record.pop("_id"), **record} for record in records]
