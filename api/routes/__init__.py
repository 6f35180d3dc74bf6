"""The routes, one resource a module."""

from fastapi import APIRouter, Depends

from api.parameters import refuse_unknown_parameters
from api.routes import (
    aggregate,
    case_edits,
    cases,
    compare,
    execution_edits,
    executions,
    health,
    ingestions,
    machines,
    metrics,
    search,
    tokens,
)
from api.security import authorize

API_PREFIX = "/api/v1"

api_router = APIRouter(
    prefix=API_PREFIX, dependencies=[Depends(authorize), Depends(refuse_unknown_parameters)]
)
api_router.include_router(aggregate.router)
api_router.include_router(cases.router)
api_router.include_router(executions.router)
api_router.include_router(compare.router)
api_router.include_router(search.router)
api_router.include_router(case_edits.router)
api_router.include_router(execution_edits.router)
api_router.include_router(ingestions.router)
api_router.include_router(machines.router)
api_router.include_router(tokens.router)

health_router = health.router
metrics_router = metrics.router
