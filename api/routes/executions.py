"""`/executions`: the executions of all cases in one list."""

from typing import Any

from fastapi import APIRouter, Response

from api.deps import Store
from api.paging import Page, PageQuery
from api.responses import json_response, problems
from api.schemas import ExecutionItem, PageOf
from api.views import EXECUTION_ITEM_PROJECTION, execution_item
from models.database import Database

router = APIRouter(tags=["executions"])

_ERRORS = problems(400, 422)


@router.get("/executions", response_model=PageOf[ExecutionItem], responses=_ERRORS)
async def list_executions(store: Store, page: PageQuery) -> Response:
    """List the executions of all cases: by name of the case, then in order of submission."""
    return await _list(store, page)


@router.get(
    "/simulations", response_model=PageOf[ExecutionItem], responses=_ERRORS, deprecated=True
)
async def list_simulations(store: Store, page: PageQuery) -> Response:
    """List executions: the older name of `/executions`."""
    return await _list(store, page)


async def _list(store: Database, page: Page) -> Response:
    position = page.position("executions", 3)
    found = await store.cases.aggregate(_pipeline(position, page.limit + 1))
    shown = found[: page.limit]
    following = None
    if len(found) > page.limit:
        last = shown[-1]
        following = (last["name"], last["_id"], last["executions"]["orderKey"])
    items = [execution_item(case, case["executions"]) for case in shown]
    return json_response(page.envelope(items, "executions", following))


def _pipeline(position: list[str] | None, limit: int) -> list[dict[str, Any]]:
    """Walk the cases along the index by name, beginning with the one of the cursor."""
    pipeline: list[dict[str, Any]] = [
        {"$sort": {"name": 1, "_id": 1}},
        {"$project": EXECUTION_ITEM_PROJECTION},
        {"$unwind": "$executions"},
        {"$limit": limit},
    ]
    if position is None:
        return pipeline
    name, case_id, order_key = position
    from_case = {
        "name": {"$gte": name},
        "$or": [{"name": {"$gt": name}}, {"_id": {"$gte": case_id}}],
    }
    after = {"$or": [{"_id": {"$ne": case_id}}, {"executions.orderKey": {"$gt": order_key}}]}
    return [{"$match": from_case}, *pipeline[:3], {"$match": after}, pipeline[3]]
