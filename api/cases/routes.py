"""`/cases`: simulation experiments, their executions and timeline."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from api.cases.lists import CASE_LIST, EXECUTION_LIST, executions_of, read_summaries
from api.cases.lookups import EXECUTION_LOOKUPS
from api.cases.queries import read_execution_of_case, read_links, read_revision
from api.cases.schemas import CaseDetail, CaseItem, ExecutionDetail, ExecutionItem, Timeline
from api.cases.timeline import timeline
from api.cases.views import (
    SUMMARY_PROJECTION,
    case_detail,
    execution_detail,
)
from api.dependencies import DatabaseDep
from api.http.errors import not_found
from api.http.responses import (
    entity_tag,
    is_not_modified,
    json_response,
    not_modified,
    problem_responses,
)
from api.http.schemas import PageOf
from api.lists.listing import ListParameters
from api.lists.parameters import filters_of

router = APIRouter(prefix="/cases", tags=["cases"])

CaseId = Annotated[
    str,
    Path(
        description="The id of the case, a UUID.",
        examples=["e5910510-1221-5d09-b589-44fe31011269"],
        max_length=100,
    ),
]
ExecutionId = Annotated[
    str,
    Path(
        description="The LID of the execution.", examples=["729351.250107-193415"], max_length=300
    ),
]
_LIST_ERRORS = problem_responses(400, 422)
_ERRORS = problem_responses(400, 404, 422)


@router.get(
    "",
    response_model=PageOf[CaseItem],
    responses=_LIST_ERRORS,
    openapi_extra=filters_of(CASE_LIST),
)
async def list_cases(database: DatabaseDep, request: Request, params: ListParameters) -> Response:
    """List cases by name, with counts of their executions."""
    return await CASE_LIST.answer(database, request, params)


@router.get("/{caseId}", response_model=CaseDetail, responses=_ERRORS)
async def read_case(database: DatabaseDep, request: Request, caseId: CaseId) -> Response:  # noqa: N803
    """Read one case: its executions, and the full configuration of the canonical one."""
    if "if-none-match" in request.headers:
        revision = await read_revision(database, caseId)
        if is_not_modified(request, tag := entity_tag(caseId, revision)):
            return not_modified(tag)
    case = await database.cases.find_one({"_id": caseId}, {"executions": 0})
    if case is None:
        raise not_found("case", caseId)
    summaries = await read_summaries(database, [caseId])
    tag = entity_tag(caseId, case["revision"])
    return json_response(case_detail(case, summaries.get(caseId, ())), {"ETag": tag})


@router.get(
    "/{caseId}/executions",
    response_model=PageOf[ExecutionItem],
    responses=_ERRORS,
    openapi_extra=filters_of(EXECUTION_LIST),
)
async def list_executions_of_case(
    database: DatabaseDep,
    request: Request,
    params: ListParameters,
    caseId: CaseId,  # noqa: N803
) -> Response:
    """List the executions of a case in the order of submission."""
    revision = await read_revision(database, caseId)
    view = f"executions?{request.url.query}&{request.headers.get('accept', '')}"
    # The result of a lookup depends on specs too, whose changes leave the revision as it is.
    if EXECUTION_LOOKUPS.parameters_in(request.query_params.multi_items()):
        return await executions_of(caseId).answer(database, request, params)
    tag = entity_tag(caseId, revision, view)
    if is_not_modified(request, tag):
        return not_modified(tag)
    response = await executions_of(caseId).answer(database, request, params)
    response.headers["ETag"] = tag
    return response


@router.get("/{caseId}/executions/{executionId}", response_model=ExecutionDetail, responses=_ERRORS)
async def read_execution(
    database: DatabaseDep,
    request: Request,
    caseId: CaseId,  # noqa: N803
    executionId: ExecutionId,  # noqa: N803
    config: Annotated[
        Literal["full"] | None,
        Query(description="`full` rebuilds the whole configuration of this execution."),
    ] = None,
) -> Response:
    """Read one execution of a case, with the delta of its configuration to the canonical one."""
    view = f"{executionId}?{config}"
    if "if-none-match" in request.headers:
        revision = await read_revision(database, caseId)
        links = await read_links(database, caseId, executionId)
        if is_not_modified(request, tag := entity_tag(caseId, revision, f"{view}&{links}")):
            return not_modified(tag)
    case, execution = await read_execution_of_case(database, caseId, executionId)
    tag = entity_tag(caseId, case["revision"], f"{view}&{execution['specs']}")
    detail = execution_detail(case, execution, full=config == "full")
    return json_response(detail, {"ETag": tag})


@router.get("/{caseId}/timeline", response_model=Timeline, responses=_ERRORS)
async def read_timeline(database: DatabaseDep, request: Request, caseId: CaseId) -> Response:  # noqa: N803
    """Read the changes over the executions of a case: for each delta key, its values in order."""
    revision = await read_revision(database, caseId)
    tag = entity_tag(caseId, revision, "timeline")
    if is_not_modified(request, tag):
        return not_modified(tag)
    executions = await database.executions.find(
        {"caseId": caseId},
        {**SUMMARY_PROJECTION, "runConfigDeltas": 1, "recorded.hasConfiguration": 1},
        sort=[("orderKey", 1), ("_id", 1)],
    )
    case = await database.cases.find_one({"_id": caseId}, {"name": 1, "canonicalExecutionId": 1})
    if case is None:
        raise not_found("case", caseId)
    return json_response(timeline(case, executions), {"ETag": tag})
