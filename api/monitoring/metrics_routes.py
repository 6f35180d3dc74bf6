"""`/metrics`: the metrics of the service."""

from fastapi import APIRouter, Depends, Request, Response

from api.dependencies import DatabaseDep
from api.http.responses import problem_responses
from api.lists.parameters import refuse_unknown_parameters
from api.monitoring.metrics import MEDIA_TYPE, Metrics
from api.security import authorize, require

router = APIRouter(
    tags=["health"], dependencies=[Depends(authorize), Depends(refuse_unknown_parameters)]
)

_EXAMPLE = """# HELP caseledger_http_requests_total Requests that were answered.
# TYPE caseledger_http_requests_total counter
caseledger_http_requests_total{method="GET",route="/api/v1/cases",status="200"} 42.0
"""


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        **problem_responses(400),
        200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}}},
    },
    dependencies=[require("metrics")],
)
async def read_metrics(database: DatabaseDep, request: Request) -> Response:
    """Read the metrics in the text format of Prometheus."""
    metrics: Metrics = request.app.state.metrics
    return Response(
        await metrics.text(database),
        headers={"Cache-Control": "no-store", "Content-Type": MEDIA_TYPE},
    )
