"""`caseledger ingestions` and `caseledger verify`: what was imported, and whether it is right."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from ingest.concurrency.gc_tuning import tune_garbage_collector
from models.builds.store import remove_unused
from models.configuration.rules import load_rules
from models.connection import open_database
from models.errors import UsageError
from models.ingestions.heartbeat import end_killed
from models.ingestions.ingestion import COUNTED
from models.settings import Settings
from models.verify.cases import verify_cases
from models.verify.links import verify_links
from models.verify.specs import verify_specs

_SHOWN_DIFFERENCES = 1000
_SHOWN_ID = 8


def show_ingestions(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Print the latest ingestions without their problems."""
    found = asyncio.run(_latest(settings, limit))
    if as_json:
        typer.echo(json.dumps(found, indent=2, default=str))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("id", "started", "status"):
        table.add_column(column, no_wrap=True)
    for column in ("items", "source"):
        table.add_column(column, overflow="fold")
    for record in found:
        started = f"{record['startedAt']:%Y-%m-%d %H:%M}"
        counts = _told(record["counts"])
        table.add_row(record["id"][:_SHOWN_ID], started, record["status"], counts, record["source"])
    Console().print(table)


def _told(counts: Mapping[str, int]) -> str:
    told = (f"{counts[name]} {name}" for name in COUNTED if counts.get(name))
    return ", ".join(told) or "none"


def show_ingestion(settings: Settings, ingestion_id: str, *, as_json: bool) -> None:
    """Print one ingestion with its problems, by its id or the beginning of that.

    UsageError when there is none, or several.
    """
    found = asyncio.run(_that_begin(settings, ingestion_id))
    if not found:
        raise UsageError(f"{ingestion_id}: there is no such ingestion")
    if len(found) > 1:
        raise UsageError(f"{ingestion_id}: the ids of several ingestions begin so")
    record = found[0]
    if as_json:
        typer.echo(json.dumps(record, indent=2, default=str))
        return
    for name, value in record.items():
        if name != "problems":
            typer.echo(f"{name}: {value}")
    for problem in record["problems"]:
        file = f" {problem['file']}:" if problem["file"] else ""
        typer.echo(f"{problem['path']}:{file} {problem['detail']}")


async def _latest(settings: Settings, limit: int) -> list[dict[str, Any]]:
    async with open_database(settings) as database:
        await end_killed(database.ingestions)
        found = await database.ingestions.find(
            {}, {"problems": 0}, sort=[("startedAt", -1), ("_id", 1)], limit=limit
        )
    return [{"id": record.pop("_id"), **record} for record in found]


async def _that_begin(settings: Settings, beginning: str) -> list[dict[str, Any]]:
    query = {"_id": {"$gte": beginning, "$lt": f"{beginning}~"}}
    async with open_database(settings) as database:
        await end_killed(database.ingestions)
        found = await database.ingestions.find(query, limit=2)
    return [{"id": record.pop("_id"), **record} for record in found]


def run_verify(settings: Settings, *, repair: bool, as_json: bool) -> int:
    """Verify everything derived, print the differences and return the exit code."""
    tune_garbage_collector()
    found = asyncio.run(_verify(settings, repair=repair))
    damages = [item for item in found if item["kind"] != "derived"]
    if as_json:
        typer.echo(json.dumps({"differences": found, "repaired": repair}, indent=2))
    else:
        for item in found[:_SHOWN_DIFFERENCES]:
            told = "" if item["kind"] == "derived" else f" ({item['kind']}: {item['detail']})"
            typer.echo(f"{item['collection']} {item['document']}: {item['field']}{told}")
        typer.echo(_summary(len(found) - len(damages), len(damages), repair=repair))
    return 1 if damages or (found and not repair) else 0


def _summary(differences: int, damages: int, *, repair: bool) -> str:
    told = []
    if differences:
        done = "repaired" if repair else "found; --repair mends them"
        told.append(f"{differences} differences {done}")
    if damages:
        told.append(f"{damages} damages that nothing stored can mend, left as they are")
    return "; ".join(told) or "everything agrees"


async def _verify(settings: Settings, *, repair: bool) -> list[dict[str, str]]:
    """Verify cases and specs first, because the links are derived of both.

    Repairing also removes logs and manifests that no build has named for a day.
    """
    rules = load_rules(settings.variation_file, settings.derivation_file)
    async with open_database(settings) as database:
        found = [item async for item in verify_cases(database, rules, repair=repair)]
        found += [item async for item in verify_specs(database, repair=repair)]
        found += [item async for item in verify_links(database, repair=repair)]
        if repair:
            await remove_unused(database)
    return [asdict(item) for item in found]
