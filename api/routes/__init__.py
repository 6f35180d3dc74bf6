"""The routes, one resource a module."""

from fastapi import APIRouter, Depends

from api.parameters import refuse_unknown_parameters
from api.routes import cases, compare, executions, health, search

API_PREFIX = "/api/v1"

api_router = APIRouter(prefix=API_PREFIX, dependencies=[Depends(refuse_unknown_parameters)])
api_router.include_router(cases.router)
api_router.include_router(executions.router)
api_router.include_router(compare.router)
api_router.include_router(search.router)

health_router = health.router
