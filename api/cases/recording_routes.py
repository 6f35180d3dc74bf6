"""`POST /executions`: an execution that a workflow reports, without an archive."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from api.cases.bodies import NewExecution
from api.cases.queries import read_execution_of_case
from api.cases.schemas import ExecutionDetail
from api.cases.views import execution_detail
from api.dependencies import DatabaseDep, SiteRules
from api.http.bodies import body_of, read_body
from api.http.errors import not_found
from api.http.responses import entity_tag, json_response, problem_responses
from api.security import CurrentCaller, require
from models.cases.edit_log import Author
from models.cases.identity import CaseKey, spell_machine
from models.cases.recording import StatedExecution, record_execution
from models.configuration.rules import DeltaRules
from models.database.client import Database

router = APIRouter(tags=["executions"])

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": ExecutionDetail, "description": "The same execution is already recorded."},
    **problem_responses(400, 401, 403, 404, 409, 413, 415, 422),
}
_EXAMPLE: dict[str, Any] = {
    "case": {"machine": "chrysalis", "user": "jdoe", "name": "v3.LR.historical_0101"},
    "executionId": "729351.250107-193415",
    "status": "completed",
    "runStartLocal": "2025-01-07T19:34:16",
    "configuration": {"env_build.COMPILER": "intel", "env_run.ATM_NCPL": 48},
}


@router.post(
    "/executions",
    status_code=HTTPStatus.CREATED,
    response_model=ExecutionDetail,
    responses=_ANSWERS,
    dependencies=[require("ingest")],
    openapi_extra=body_of(NewExecution, _EXAMPLE),
)
async def create_execution(
    database: DatabaseDep, rules: SiteRules, request: Request, caller: CurrentCaller
) -> Response:
    """Record an execution, and its case if that is new; its delta is computed like any other.

    Sending the same execution again returns 200 and changes nothing; another one with the same id
    returns 409.
    """
    return await _create(database, rules, request, caller)


@router.post(
    "/simulations",
    status_code=HTTPStatus.CREATED,
    response_model=ExecutionDetail,
    responses=_ANSWERS,
    dependencies=[require("ingest")],
    openapi_extra=body_of(NewExecution, _EXAMPLE),
    deprecated=True,
)
async def create_simulation(
    database: DatabaseDep, rules: SiteRules, request: Request, caller: CurrentCaller
) -> Response:
    """Record an execution; this is the older name of `/executions`."""
    return await _create(database, rules, request, caller)


async def _create(
    database: Database, rules: DeltaRules, request: Request, caller: CurrentCaller
) -> Response:
    body = await read_body(request, NewExecution)
    key = await _key(database, body)
    author = Author(caller.name, body.reason)
    is_new = await record_execution(database, key, _stated(body), author, rules)
    case, execution = await read_execution_of_case(database, key.case_id, body.execution_id)
    response = json_response(
        execution_detail(case, execution, full=False),
        {"ETag": entity_tag(key.case_id, case["revision"])},
    )
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return response


async def _key(database: Database, body: NewExecution) -> CaseKey:
    if body.case is not None:
        return CaseKey(spell_machine(body.case.machine), body.case.user, body.case.name)
    case = await database.cases.find_one(
        {"_id": body.case_id}, {"machine": 1, "user": 1, "name": 1}
    )
    if case is None:
        raise not_found("case", body.case_id or "")
    return CaseKey(case["machine"], case["user"], case["name"])


def _stated(body: NewExecution) -> StatedExecution:
    return StatedExecution(
        execution_id=body.execution_id,
        status=body.status,
        started_local=body.run_start_local,
        ended_local=body.run_end_local,
        job_id=body.job_id,
        case_group=body.case_group,
        case_hash=body.case_hash,
        simulation_start=body.simulation_start.stored() if body.simulation_start else None,
        simulation_end=body.simulation_end.stored() if body.simulation_end else None,
        timing=body.timing,
        software=body.software,
        configuration=body.configuration,
        annotations=body.annotations(),
    )
