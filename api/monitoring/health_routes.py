"""`/livez` and `/readyz`: for whoever runs the service."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Request

from api.dependencies import DatabaseDep
from api.http.errors import ProblemError
from api.http.responses import problem_responses
from api.lists.parameters import refuse_unknown_parameters
from api.monitoring.schemas import Health

router = APIRouter(tags=["health"], dependencies=[Depends(refuse_unknown_parameters)])

_PATIENCE_SECONDS = 2


@router.get("/livez", response_model=Health)
async def livez() -> Health:
    """Tell that the process answers; nothing is asked of the database."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health, responses=problem_responses())
async def readyz(database: DatabaseDep, request: Request) -> Health:
    """Tell that the database answers, and that the service is not about to stop."""
    if request.app.state.is_stopping:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, "stopping", "The service stops", "Ask another one."
        )
    await database.ping(_PATIENCE_SECONDS)
    return Health(status="ok")
