"""The routers of the application; each resource has a module of routes."""

from fastapi import APIRouter, Depends

from api.advisories import routes as advisories
from api.aggregation import routes as aggregation
from api.builds import report_routes as build_reports
from api.builds import routes as builds
from api.builds import session_routes as build_sessions
from api.cases import compare_routes as comparisons
from api.cases import edit_routes as case_edits
from api.cases import execution_routes as executions
from api.cases import machine_routes as machines
from api.cases import recording_routes as recordings
from api.cases import routes as cases
from api.http.urls import API_PREFIX
from api.ingestions import routes as ingestions
from api.lists.parameters import refuse_unknown_parameters
from api.monitoring import health_routes, metrics_routes
from api.search import routes as search
from api.security import authorize
from api.security import routes as tokens
from api.software import routes as software
from api.specs import edit_routes as spec_edits
from api.specs import file_routes as spec_files
from api.specs import routes as specs

api_router = APIRouter(
    prefix=API_PREFIX, dependencies=[Depends(authorize), Depends(refuse_unknown_parameters)]
)
api_router.include_router(aggregation.router)
api_router.include_router(cases.router)
api_router.include_router(executions.router)
api_router.include_router(comparisons.router)
api_router.include_router(search.router)
api_router.include_router(case_edits.router)
api_router.include_router(recordings.router)
api_router.include_router(ingestions.router)
api_router.include_router(build_sessions.router)
api_router.include_router(builds.router)
api_router.include_router(build_reports.router)
api_router.include_router(advisories.router)
api_router.include_router(spec_files.router)
api_router.include_router(specs.router)
api_router.include_router(spec_edits.router)
api_router.include_router(software.router)
api_router.include_router(machines.router)
api_router.include_router(tokens.router)

health_router = health_routes.router
metrics_router = metrics_routes.router
