"""`/machines`: the known machines, and all others with recorded cases."""

from typing import Any

from fastapi import APIRouter, Response

from api.cases.schemas import MachineItem
from api.dependencies import DatabaseDep
from api.http.responses import json_response, problem_responses
from api.http.schemas import ItemsOf
from api.lists.listing import SECONDS
from models.cases.identity import machine_systems, system_of, systems
from models.database.collection import Collection

router = APIRouter(tags=["machines"])


@router.get("/machines", response_model=ItemsOf[MachineItem], responses=problem_responses(400))
async def list_machines(database: DatabaseDep) -> Response:
    """List machines by name: site, system, its other names, and counts of cases and executions."""
    cases = await _by_machine(database.cases, "identity")
    executions = await _by_machine(database.executions, "overview")
    names = machine_systems().keys() | cases.keys()
    items = [
        {
            **_identity(name),
            "caseCount": cases.get(name, 0),
            "executionCount": executions.get(name, 0),
        }
        for name in sorted(names)
    ]
    return json_response({"items": items})


def _identity(name: str) -> dict[str, Any]:
    """Return name, system, site and aliases; an unknown machine is a system of its own."""
    system = systems().get(system_of(name))
    return {
        "machine": name,
        "system": system_of(name),
        "site": system.site if system else None,
        "aliases": [other for other in system.machines if other != name] if system else [],
        "isKnown": name in machine_systems(),
    }


async def _by_machine(collection: Collection, index: str) -> dict[str, int]:
    """Count documents by machine from an index that begins with it, without reading documents."""
    groups = await collection.aggregate(
        [
            {"$project": {"_id": 0, "machine": 1}},
            {"$group": {"_id": "$machine", "count": {"$sum": 1}}},
        ],
        hint=index,
        seconds=SECONDS,
    )
    return {group["_id"]: group["count"] for group in groups}
