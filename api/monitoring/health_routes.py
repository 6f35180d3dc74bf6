"""`/livez` and `/readyz`: probes for the operator of the service."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Request

from api.dependencies import DatabaseDep
from api.http.errors import ProblemError
from api.http.responses import problem_responses
from api.lists.parameters import refuse_unknown_parameters
from api.monitoring.schemas import Health

router = APIRouter(tags=["health"], dependencies=[Depends(refuse_unknown_parameters)])

_CHECK_SECONDS = 2


@router.get("/livez", response_model=Health)
async def livez() -> Health:
    """Report that the process answers; the database is not queried."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health, responses=problem_responses())
async def readyz(database: DatabaseDep, request: Request) -> Health:
    """Report that the database can be used and that the service is not stopping."""
    if request.app.state.is_stopping:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "stopping",
            "The service is stopping",
            "Use another instance.",
        )
    await database.check(_CHECK_SECONDS)
    return Health(status="ok")
