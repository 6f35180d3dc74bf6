"""`/compare`: any executions of any cases, side by side."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.cases.comparison import compare, compared
from api.cases.queries import read_execution_of_case
from api.cases.schemas import Comparison
from api.cases.views import configuration_of
from api.dependencies import DatabaseDep, Variation
from api.http.errors import ProblemError, bad_value
from api.http.responses import json_response, problem_responses
from models.database.client import Database
from models.software.stack import compare_software

router = APIRouter(tags=["executions"])

MOST_COMPARED = 20

_PAIR = "`caseId/executionId`"
_EXAMPLE = "956da483-a010-5dbc-9526-b4f51ae7dd3a/729351.250107-193415"


@router.get("/compare", response_model=Comparison, responses=problem_responses(400, 404, 422))
async def compare_executions(
    database: DatabaseDep,
    variation: Variation,
    left: Annotated[
        str, Query(max_length=500, description=f"An execution, {_PAIR}.", examples=[_EXAMPLE])
    ],
    right: Annotated[
        str, Query(max_length=500, description=f"Another one, {_PAIR}.", examples=[_EXAMPLE])
    ],
    more: Annotated[
        list[str] | None,
        Query(max_length=MOST_COMPARED - 2, description=f"More of them, each {_PAIR}."),
    ] = None,
) -> Response:
    """Compare executions: what differs by file and class, and in software.

    The software is compared down to what the linked specs need to run. Equal values are left out.
    Values are compared by meaning, as in deltas.
    """
    executions, configurations, ran = [], [], []
    for name, pair in [("left", left), ("right", right), *(("more", one) for one in more or ())]:
        case_id, slash, execution_id = pair.partition("/")
        if not (case_id and slash and execution_id):
            raise bad_value(name, f"an execution is given as {_PAIR}")
        case, execution = await read_execution_of_case(database, case_id, execution_id)
        configuration = configuration_of(case, execution)
        if configuration is None:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "no-configuration",
                "Nothing to compare",
                f"The configuration of {execution_id[:100]!r} could not be read.",
            )
        executions.append(compared(case, execution))
        configurations.append(configuration)
        ran.append(execution)
    software = compare_software(ran, await _linked_specs(database, ran))
    return json_response(
        {"executions": executions, **compare(configurations, variation), "software": software}
    )


async def _linked_specs(database: Database, executions: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the specs that executions are linked with, with their closures."""
    ids = sorted({spec["id"] for execution in executions for spec in execution["specs"]})
    return await database.specs.find({"_id": {"$in": ids}}, {"dependencies": 1})
