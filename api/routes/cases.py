"""`/cases`: simulation experiments, and the executions of one."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from api.deps import Store
from api.errors import not_found
from api.paging import PageQuery
from api.responses import json_response, problems
from api.schemas import CaseDetail, CaseItem, ExecutionDetail, PageOf
from api.views import CASE_ITEM_PROJECTION, case_detail, case_item, execution_detail

router = APIRouter(prefix="/cases", tags=["cases"])

CaseId = Annotated[str, Path(description="The id of the case, a UUID.", max_length=100)]
ExecutionId = Annotated[
    str,
    Path(
        description="The LID of the execution.", examples=["729351.250107-193415"], max_length=300
    ),
]
_BY_NAME = [("name", 1), ("_id", 1)]


@router.get("", response_model=PageOf[CaseItem], responses=problems(400, 422))
async def list_cases(store: Store, page: PageQuery) -> Response:
    """List cases by name, each with a summary of its executions."""
    position = page.position("cases", 2)
    query: dict[str, Any] = {}
    if position is not None:
        name, case_id = position
        query = {
            "name": {"$gte": name},
            "$or": [{"name": {"$gt": name}}, {"_id": {"$gt": case_id}}],
        }
    found = await store.cases.find(query, CASE_ITEM_PROJECTION, sort=_BY_NAME, limit=page.limit + 1)
    shown = found[: page.limit]
    following = (shown[-1]["name"], shown[-1]["_id"]) if len(found) > page.limit else None
    return json_response(page.envelope([case_item(case) for case in shown], "cases", following))


@router.get("/{caseId}", response_model=CaseDetail, responses=problems(400, 404, 422))
async def read_case(store: Store, caseId: CaseId) -> Response:  # noqa: N803 - the name in the path
    """Read one case: its executions, and the full configuration of the canonical one."""
    case = await store.cases.find_one({"_id": caseId})
    if case is None:
        raise not_found("case", caseId)
    return json_response(case_detail(case))


@router.get(
    "/{caseId}/executions/{executionId}",
    response_model=ExecutionDetail,
    responses=problems(400, 404, 422),
)
async def read_execution(
    store: Store,
    caseId: CaseId,  # noqa: N803
    executionId: ExecutionId,  # noqa: N803
    config: Annotated[
        Literal["full"] | None,
        Query(description="`full` rebuilds the whole configuration of this execution."),
    ] = None,
) -> Response:
    """Read one execution of a case, with how its configuration differs from the canonical one."""
    case = await store.cases.find_one(
        {"_id": caseId},
        {
            **dict.fromkeys(("name", "caseGroup", "machine", "user", "canonicalExecutionId"), 1),
            "configurationOf": 1,
            "configuration": 1,
            "executions": {"$elemMatch": {"executionId": executionId}},
        },
    )
    if case is None:
        raise not_found("case", caseId)
    if not case.get("executions"):
        raise not_found("execution", executionId)
    detail = execution_detail(case, case["executions"][0], full=config == "full")
    return json_response(detail)
