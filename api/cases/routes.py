"""`/cases`: simulation experiments, their executions and timeline."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from api.cases.baselines import CASE_PROJECTION, NAMES_PROJECTION, Baseline, BaselineReader
from api.cases.lists import (
    CASE_LIST,
    EXECUTION_LIST,
    executions_of,
    read_summaries,
    refuse_other_differences,
)
from api.cases.lookups import EXECUTION_LOOKUPS
from api.cases.queries import read_execution_of_case, read_links, read_revision
from api.cases.schemas import CaseDetail, CaseItem, ExecutionDetail, ExecutionOfCase, Timeline
from api.cases.timeline import timeline, timeline_since
from api.cases.views import (
    SUMMARY_PROJECTION,
    case_detail,
    execution_detail,
)
from api.dependencies import DatabaseDep, SiteRules
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
from models.cases.baselines import CANONICAL
from models.configuration.rules import DeltaRules
from models.database.client import Database

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
    response_model=PageOf[ExecutionOfCase],
    responses=_ERRORS,
    openapi_extra=filters_of(EXECUTION_LIST),
)
async def list_executions_of_case(
    database: DatabaseDep,
    rules: SiteRules,
    request: Request,
    params: ListParameters,
    caseId: CaseId,  # noqa: N803
    baseline: Baseline = CANONICAL,
) -> Response:
    """List the executions of a case in the order of submission.

    Filters and sorting by differences work with those to the canonical execution, and with
    `changedSincePrevious`.
    """
    reader = await _baseline_reader(database, caseId, baseline, rules)
    if baseline != CANONICAL:
        refuse_other_differences(EXECUTION_LIST.table, request, params.sort)
    listing = executions_of(caseId, reader)
    revision = await read_revision(database, caseId)
    view = f"executions?{request.url.query}&{request.headers.get('accept', '')}"
    # The result of a lookup depends on specs too, whose changes leave the revision as it is.
    if EXECUTION_LOOKUPS.parameters_in(request.query_params.multi_items()):
        return await listing.answer(database, request, params)
    tag = entity_tag(caseId, revision, view)
    if is_not_modified(request, tag):
        return not_modified(tag)
    response = await listing.answer(database, request, params)
    response.headers["ETag"] = tag
    return response


@router.get("/{caseId}/executions/{executionId}", response_model=ExecutionDetail, responses=_ERRORS)
async def read_execution(
    database: DatabaseDep,
    rules: SiteRules,
    request: Request,
    caseId: CaseId,  # noqa: N803
    executionId: ExecutionId,  # noqa: N803
    config: Annotated[
        Literal["full"] | None,
        Query(description="`full` rebuilds the whole configuration of this execution."),
    ] = None,
    baseline: Baseline = CANONICAL,
) -> Response:
    """Read one execution of a case, with its differences to the canonical one or another."""
    view = f"{executionId}?{config}&{baseline}"
    if "if-none-match" in request.headers:
        revision = await read_revision(database, caseId)
        links = await read_links(database, caseId, executionId)
        if is_not_modified(request, tag := entity_tag(caseId, revision, f"{view}&{links}")):
            return not_modified(tag)
    case, execution = await read_execution_of_case(database, caseId, executionId)
    tag = entity_tag(caseId, case["revision"], f"{view}&{execution['specs']}")
    compared = None
    if baseline != CANONICAL:
        reader = BaselineReader(database, case, baseline, rules)
        await reader.check()
        compared = (await reader.compare([executionId])).get(executionId)
    detail = execution_detail(case, execution, full=config == "full", compared=compared)
    return json_response(detail, {"ETag": tag})


@router.get("/{caseId}/timeline", response_model=Timeline, responses=_ERRORS)
async def read_timeline(
    database: DatabaseDep,
    rules: SiteRules,
    request: Request,
    caseId: CaseId,  # noqa: N803
    baseline: Baseline = CANONICAL,
) -> Response:
    """Read the changes over the executions of a case: for each delta key, its values in order.

    The keys are those of differences to the `baseline`: with `previous`, all that changed from one
    execution to the next; with `lineage`, what changed within the creations of the case.
    """
    revision = await read_revision(database, caseId)
    tag = entity_tag(caseId, revision, f"timeline?{baseline}")
    if is_not_modified(request, tag):
        return not_modified(tag)
    reader = await _baseline_reader(database, caseId, baseline, rules)
    shown = ("runConfigDeltas",) if baseline == CANONICAL else ("overrides", "unset")
    executions = await database.executions.find(
        {"caseId": caseId},
        {**SUMMARY_PROJECTION, **dict.fromkeys(shown, 1), "recorded.hasConfiguration": 1},
        sort=[("orderKey", 1), ("_id", 1)],
    )
    if baseline == CANONICAL:
        return json_response(timeline(reader.case, executions), {"ETag": tag})
    compared = await reader.compare([str(item["executionId"]) for item in executions])
    answer = timeline_since(reader.case, executions, baseline, compared)
    return json_response(answer, {"ETag": tag})


async def _baseline_reader(
    database: Database, case_id: str, baseline: str, rules: DeltaRules
) -> BaselineReader:
    """Return the reader of a case's differences; a 404 without the case, a 422 for a baseline."""
    projection = NAMES_PROJECTION if baseline == CANONICAL else CASE_PROJECTION
    case = await database.cases.find_one({"_id": case_id}, projection)
    if case is None:
        raise not_found("case", case_id)
    reader = BaselineReader(database, case, baseline, rules)
    await reader.check()
    return reader
