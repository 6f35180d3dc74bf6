"""The routes, one resource a module."""

from fastapi import APIRouter, Depends

from api.parameters import refuse_unknown_parameters
from api.routes import (
    aggregate,
    build_reports,
    builds,
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
    software,
    spec_edits,
    spec_files,
    specs,
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
api_router.include_router(builds.router)
api_router.include_router(build_reports.router)
api_router.include_router(spec_files.router)
api_router.include_router(specs.router)
api_router.include_router(spec_edits.router)
api_router.include_router(software.router)
api_router.include_router(machines.router)
api_router.include_router(tokens.router)

health_router = health.router
metrics_router = metrics.router
