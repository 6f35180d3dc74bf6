"""`caseledger verify`: whether what is derived agrees with what it is derived from."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import typer

from models.builds.store import remove_unused
from models.configuration.rules import load_rules
from models.connection import open_database
from models.settings import Settings
from models.verify.cases import verify_cases
from models.verify.difference import Difference
from models.verify.links import verify_links
from models.verify.specs import verify_specs

_MAX_SHOWN_DIFFERENCES = 1000


def run_verify(settings: Settings, *, repair: bool, as_json: bool) -> int:
    """Verify everything derived, print the differences and return the exit code."""
    differences = asyncio.run(_verify(settings, repair=repair))
    kinds = Counter(difference.kind for difference in differences)
    derived, outdated = kinds["derived"], kinds["outdated"]
    damages = len(differences) - derived - outdated
    if as_json:
        items = [asdict(difference) for difference in differences]
        typer.echo(json.dumps({"differences": items, "repaired": repair}, indent=2))
    else:
        _print_differences(differences)
        typer.echo(_summary(derived, damages, outdated, repair=repair))
    return 1 if damages or (derived and not repair) else 0


def _print_differences(differences: Sequence[Difference]) -> None:
    for item in differences[:_MAX_SHOWN_DIFFERENCES]:
        reason = "" if item.kind == "derived" else f" ({item.kind}: {item.detail})"
        typer.echo(f"{item.collection} {item.document}: {item.field}{reason}")


def _summary(differences: int, damages: int, outdated: int, *, repair: bool) -> str:
    parts = []
    if differences:
        outcome = "repaired" if repair else "found; run with --repair to correct them"
        parts.append(f"{differences} differences {outcome}")
    if damages:
        parts.append(f"{damages} damages that cannot be repaired from what is stored")
    if outdated:
        parts.append(
            f"{outdated} executions were read by an earlier version: import their directories again"
        )
    return "; ".join(parts) or "everything agrees"


async def _verify(settings: Settings, *, repair: bool) -> list[Difference]:
    """Verify cases and specs first, because the links are derived from both.

    Repairing also removes logs and manifests that no build has named for a day.
    """
    rules = load_rules(settings.variation_file, settings.derivation_file)
    async with open_database(settings) as database:
        differences = [item async for item in verify_cases(database, rules, repair=repair)]
        differences += [item async for item in verify_specs(database, repair=repair)]
        differences += [item async for item in verify_links(database, repair=repair)]
        if repair:
            await remove_unused(database)
    return differences
