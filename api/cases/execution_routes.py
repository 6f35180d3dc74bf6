"""`/executions`: one list of the executions of all cases."""

from fastapi import APIRouter, Request, Response

from api.cases.lists import EXECUTION_LIST
from api.cases.schemas import ExecutionItem
from api.dependencies import DatabaseDep
from api.http.responses import problem_responses
from api.http.schemas import PageOf
from api.lists.listing import ListParameters
from api.lists.parameters import filters_of

router = APIRouter(tags=["executions"])

_ERRORS = problem_responses(400, 422)
_FILTERS = filters_of(EXECUTION_LIST)


@router.get(
    "/executions",
    response_model=PageOf[ExecutionItem],
    responses=_ERRORS,
    openapi_extra=_FILTERS,
)
async def list_executions(
    database: DatabaseDep, request: Request, params: ListParameters
) -> Response:
    """List the executions of all cases, the latest first."""
    return await EXECUTION_LIST.answer(database, request, params)


@router.get(
    "/simulations",
    response_model=PageOf[ExecutionItem],
    responses=_ERRORS,
    openapi_extra=_FILTERS,
    deprecated=True,
)
async def list_simulations(
    database: DatabaseDep, request: Request, params: ListParameters
) -> Response:
    """List executions; this is the older name of `/executions`."""
    return await EXECUTION_LIST.answer(database, request, params)
