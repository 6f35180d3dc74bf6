"""`/machines`: the machines that are known, and those that something is recorded of."""

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
    """List machines by name, with site, system, other names of it, and what is recorded."""
    cases = await _by_machine(database.cases, "identity")
    executions = await _by_machine(database.executions, "overview")
    names = machine_systems().keys() | cases.keys()
    items = [
        {
            **_about(name),
            "caseCount": cases.get(name, 0),
            "executionCount": executions.get(name, 0),
        }
        for name in sorted(names)
    ]
    return json_response({"items": items})


def _about(name: str) -> dict[str, Any]:
    """Return what is known of a machine; one that is not known is a system of its own."""
    system = systems().get(system_of(name))
    return {
        "machine": name,
        "system": system_of(name),
        "site": system.site if system else None,
        "aliases": [other for other in system.machines if other != name] if system else [],
        "isKnown": name in machine_systems(),
    }


async def _by_machine(collection: Collection, index: str) -> dict[str, int]:
    """Count documents along an index that begins with the machine, without reading them."""
    groups = await collection.aggregate(
        [
            {"$project": {"_id": 0, "machine": 1}},
            {"$group": {"_id": "$machine", "count": {"$sum": 1}}},
        ],
        hint=index,
        seconds=SECONDS,
    )
    return {group["_id"]: group["count"] for group in groups}
