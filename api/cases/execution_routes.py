"""`/executions`: the executions of all cases in one list."""

from fastapi import APIRouter, Request, Response

from api.cases.lists import EXECUTION_LIST
from api.cases.schemas import ExecutionItem
from api.dependencies import Store
from api.http.responses import problems
from api.http.schemas import PageOf
from api.lists.listing import ListParameters
from api.lists.parameters import filters_of

router = APIRouter(tags=["executions"])

_ERRORS = problems(400, 422)
_FILTERS = filters_of(EXECUTION_LIST)


@router.get(
    "/executions",
    response_model=PageOf[ExecutionItem],
    responses=_ERRORS,
    openapi_extra=_FILTERS,
)
async def list_executions(store: Store, request: Request, asked: ListParameters) -> Response:
    """List the executions of all cases, the latest first."""
    return await EXECUTION_LIST.answer(store, request, asked)


@router.get(
    "/simulations",
    response_model=PageOf[ExecutionItem],
    responses=_ERRORS,
    openapi_extra=_FILTERS,
    deprecated=True,
)
async def list_simulations(store: Store, request: Request, asked: ListParameters) -> Response:
    """List executions: the older name of `/executions`."""
    return await EXECUTION_LIST.answer(store, request, asked)
