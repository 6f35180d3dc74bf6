"""`/cases`: recording, annotating and deleting a case, and choosing its canonical execution."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.cases.bodies import CanonicalChoice, CaseEdit, ExecutionEdit, NewCase, edited_fields
from api.cases.lists import read_summaries
from api.cases.queries import read_execution_of_case, read_revision
from api.cases.routes import CaseId, ExecutionId
from api.cases.schemas import CaseDetail, EditItem, ExecutionDetail
from api.cases.views import case_detail, execution_detail
from api.dependencies import DatabaseDep, SiteRules
from api.http.bodies import body_of, read_body
from api.http.errors import not_found
from api.http.preconditions import if_match_tags, require_match
from api.http.responses import entity_tag, json_response, problem_responses
from api.http.schemas import PageOf
from api.lists.paging import DEFAULT_LIMIT
from api.lists.time_pages import Cursor, DatedList, Limit
from api.security import CurrentCaller, require
from models.cases.annotations import CaseAnnotations
from models.cases.edit_log import Author
from models.cases.edits import (
    delete_case,
    delete_execution,
    edit_case,
    edit_execution,
    pin_canonical,
)
from models.cases.identity import CaseKey, spell_machine
from models.cases.recording import record_case
from models.database.client import Database

router = APIRouter(prefix="/cases", tags=["cases"])

_EDIT_ERRORS = problem_responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428)
_DELETE_ERRORS = problem_responses(400, 401, 403, 404, 409)

DeleteReason = Annotated[
    str | None,
    Query(max_length=2000, description="The reason for the deletion; the history keeps it."),
]
_CASE_EXAMPLE = {
    "machine": "chrysalis",
    "user": "jdoe",
    "name": "v3.LR.historical_0101",
    "description": "Historical ensemble, member 1",
    "tags": ["historical"],
}
_EDIT_EXAMPLE: dict[str, Any] = {
    "notes": "Restarted in 1920 after a node failure.",
    "tags": ["historical", "published"],
    "links": [{"url": "https://doi.org/10.1000/xyz", "title": "Paper"}],
    "reason": "published",
}


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=CaseDetail,
    responses=problem_responses(400, 401, 403, 409, 413, 415, 422),
    dependencies=[require("ingest")],
    openapi_extra=body_of(NewCase, _CASE_EXAMPLE),
)
async def create_case(database: DatabaseDep, request: Request, caller: CurrentCaller) -> Response:
    """Record a case that has no executions yet; 409 when it is already recorded."""
    body = await read_body(request, NewCase)
    key = CaseKey(spell_machine(body.machine), body.user, body.name)
    annotations = CaseAnnotations.model_validate(
        {name: getattr(body, name) for name in CaseAnnotations.model_fields}
    )
    await record_case(database, key, annotations, Author(caller.name, body.reason))
    response = await _case_response(database, key.case_id)
    response.status_code = HTTPStatus.CREATED
    response.headers["Location"] = f"{request.url.path}/{key.case_id}"
    return response


@router.patch(
    "/{caseId}",
    response_model=CaseDetail,
    responses=_EDIT_ERRORS,
    dependencies=[require("edit")],
    openapi_extra=body_of(CaseEdit, _EDIT_EXAMPLE),
)
async def update_case(
    database: DatabaseDep,
    request: Request,
    caller: CurrentCaller,
    caseId: CaseId,  # noqa: N803
) -> Response:
    """Edit the annotations of a case.

    Fields that are not given remain unchanged. An import never changes annotations.
    """
    revision = await _matched_revision(database, request, caseId)
    body = await read_body(request, CaseEdit)
    author = Author(caller.name, body.reason)
    await edit_case(database, caseId, revision, edited_fields(body), author)
    return await _case_response(database, caseId)


@router.put(
    "/{caseId}/canonical",
    response_model=CaseDetail,
    responses=_EDIT_ERRORS,
    dependencies=[require("edit")],
    openapi_extra=body_of(CanonicalChoice, {"executionId": "729351.250107-193415"}),
)
async def choose_canonical(
    database: DatabaseDep,
    rules: SiteRules,
    request: Request,
    caller: CurrentCaller,
    caseId: CaseId,  # noqa: N803
) -> Response:
    """Pin the canonical execution, or release it with null; all deltas are recomputed."""
    revision = await _matched_revision(database, request, caseId)
    body = await read_body(request, CanonicalChoice)
    author = Author(caller.name, body.reason)
    await pin_canonical(database, caseId, revision, body.execution_id, author, rules)
    return await _case_response(database, caseId)


@router.delete(
    "/{caseId}",
    status_code=HTTPStatus.NO_CONTENT,
    response_model=None,
    responses=_DELETE_ERRORS,
    dependencies=[require("admin")],
)
async def remove_case(
    database: DatabaseDep,
    caller: CurrentCaller,
    caseId: CaseId,  # noqa: N803
    reason: DeleteReason = None,
) -> Response:
    """Delete a case and its executions; its history remains and records the deletion."""
    await delete_case(database, caseId, Author(caller.name, reason))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.patch(
    "/{caseId}/executions/{executionId}",
    response_model=ExecutionDetail,
    responses=_EDIT_ERRORS,
    dependencies=[require("edit")],
    openapi_extra=body_of(ExecutionEdit, {"notes": "Node failure.", "reason": "post mortem"}),
)
async def update_execution(
    database: DatabaseDep,
    request: Request,
    caller: CurrentCaller,
    caseId: CaseId,  # noqa: N803
    executionId: ExecutionId,  # noqa: N803
) -> Response:
    """Edit the annotations of an execution; `If-Match` takes the ETag of its case."""
    revision = await _matched_revision(database, request, caseId)
    body = await read_body(request, ExecutionEdit)
    author = Author(caller.name, body.reason)
    await edit_execution(database, caseId, executionId, revision, edited_fields(body), author)
    case, execution = await read_execution_of_case(database, caseId, executionId)
    tag = entity_tag(caseId, case["revision"])
    return json_response(execution_detail(case, execution, full=False), {"ETag": tag})


@router.delete(
    "/{caseId}/executions/{executionId}",
    status_code=HTTPStatus.NO_CONTENT,
    response_model=None,
    responses=_DELETE_ERRORS,
    dependencies=[require("admin")],
)
async def remove_execution(
    database: DatabaseDep,
    rules: SiteRules,
    caller: CurrentCaller,
    caseId: CaseId,  # noqa: N803
    executionId: ExecutionId,  # noqa: N803
    reason: DeleteReason = None,
) -> Response:
    """Delete an execution; a later import of its directory records it again."""
    author = Author(caller.name, reason)
    await delete_execution(database, caseId, executionId, author, rules)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/{caseId}/history",
    response_model=PageOf[EditItem],
    responses=problem_responses(400, 404, 422),
)
async def list_history(
    database: DatabaseDep,
    request: Request,
    caseId: CaseId,  # noqa: N803
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List the edits of a case, even a deleted one, by people and programs, the earliest first."""
    query = {"caseId": caseId}
    if await database.edits.find_one(query, {"_id": 1}) is None:
        await read_revision(database, caseId)
    return await DatedList(database.edits, "at", 1).answer(request, query, {}, limit, cursor)


async def _matched_revision(database: Database, request: Request, case_id: str) -> int | None:
    """Return the revision that the client has read, or None when it sent `*`, which means any."""
    tags = if_match_tags(request, "case")
    revision = await read_revision(database, case_id)
    detail = f"The case has changed since then; it is now at revision {revision}."
    require_match(tags, entity_tag(case_id, revision), detail)
    return None if "*" in tags else revision


async def _case_response(database: Database, case_id: str) -> Response:
    case = await database.cases.find_one({"_id": case_id}, {"executions": 0})
    if case is None:
        raise not_found("case", case_id)
    summaries = await read_summaries(database, [case_id])
    detail = case_detail(case, summaries.get(case_id, ()))
    return json_response(detail, {"ETag": entity_tag(case_id, case["revision"])})
