"""Filters by a machine that does not exist are refused, not answered with an empty list."""

from collections.abc import Iterator
from typing import assert_never

from api.filters.conditions import (
    All,
    Any,
    Condition,
    ConfigCondition,
    DeltaCondition,
    Filter,
    Not,
    Words,
)
from api.http.errors import bad_value, did_you_mean
from models.cases.identity import machine_systems
from models.database.client import Database

_MACHINE = "machine"


async def check_machines(database: Database, tree: Filter) -> None:
    """Raise a 422 for a machine that neither E3SM's table nor a recorded case has."""
    unknown = {name for name in _machines(tree) if name not in machine_systems()}
    if not unknown:
        return
    recorded = await database.cases.aggregate(
        [{"$project": {"_id": 0, _MACHINE: 1}}, {"$group": {"_id": f"${_MACHINE}"}}],
        hint="identity",
    )
    known = {str(group["_id"]) for group in recorded}
    for name in sorted(unknown - known):
        suggestion = did_you_mean(name, sorted(known | machine_systems().keys()))
        listed = ", ".join(sorted(known)[:20]) or "none"
        detail = f"there is no machine {name[:100]!r}{suggestion} Recorded are: {listed}."
        raise bad_value(_MACHINE, detail)


def _machines(tree: Filter) -> Iterator[str]:
    """Yield the machines that a filter compares with."""
    match tree:
        case Condition():
            if tree.field.name == _MACHINE and tree.operator in {"eq", "in", "ne"}:
                yield from (value for value in tree.values if isinstance(value, str))
        case All() | Any():
            for part in tree.parts:
                yield from _machines(part)
        case Not():
            yield from _machines(tree.part)
        case DeltaCondition() | ConfigCondition() | Words():
            pass
        case _:
            assert_never(tree)
