"""`/machines`: the machines that are known, and those that something is recorded of."""

from typing import Any

from fastapi import APIRouter, Response

from api.deps import Store
from api.responses import json_response, problems
from api.schemas import ItemsOf, MachineItem
from models.identity import machine_systems, system_of

router = APIRouter(tags=["machines"])

_COUNTS: list[dict[str, Any]] = [
    {
        "$group": {
            "_id": "$machine",
            "cases": {"$sum": 1},
            "executions": {"$sum": "$executionCount"},
        }
    }
]


@router.get("/machines", response_model=ItemsOf[MachineItem], responses=problems(400))
async def list_machines(store: Store) -> Response:
    """List machines by name, with the system that each is a part of and what is recorded."""
    counted = {row["_id"]: row for row in await store.cases.aggregate(_COUNTS)}
    known = machine_systems()
    items = [
        {
            "machine": machine,
            "system": system_of(machine),
            "isKnown": machine in known,
            "caseCount": counted.get(machine, {}).get("cases", 0),
            "executionCount": counted.get(machine, {}).get("executions", 0),
        }
        for machine in sorted(known.keys() | counted.keys())
    ]
    return json_response({"items": items})
