"""`/compare`: the comparison of executions of any cases."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.cases.comparison import compare, compared_execution
from api.cases.queries import read_execution_of_case
from api.cases.schemas import Comparison
from api.cases.views import configuration_of
from api.dependencies import DatabaseDep, Variation
from api.http.errors import ProblemError, bad_value
from api.http.responses import json_response, problem_responses
from models.configuration.values import Configuration
from models.database.client import Database
from models.software.stack import compare_software

router = APIRouter(tags=["executions"])

MAX_COMPARED = 20

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
        str, Query(max_length=500, description=f"Another execution, {_PAIR}.", examples=[_EXAMPLE])
    ],
    more: Annotated[
        list[str] | None,
        Query(max_length=MAX_COMPARED - 2, description=f"Further executions, each {_PAIR}."),
    ] = None,
) -> Response:
    """Compare executions: configuration values by file and class, and software.

    Values are compared by meaning, as in deltas; equal ones are left out. The comparison of
    software includes everything that the linked specs need to run.
    """
    summaries, configurations, executions = [], [], []
    pairs = [("left", left), ("right", right), *(("more", pair) for pair in more or ())]
    for name, pair in pairs:
        case, execution, configuration = await _read_execution(database, name, pair)
        summaries.append(compared_execution(case, execution))
        configurations.append(configuration)
        executions.append(execution)
    software = compare_software(executions, await _linked_specs(database, executions))
    return json_response(
        {"executions": summaries, **compare(configurations, variation), "software": software}
    )


async def _read_execution(
    database: Database, parameter: str, pair: str
) -> tuple[dict[str, Any], dict[str, Any], Configuration]:
    """Return the case, the execution and its configuration that a parameter names.

    Raise a 404 when there is none, a 422 for a malformed pair or an unknown configuration.
    """
    case_id, slash, execution_id = pair.partition("/")
    if not (case_id and slash and execution_id):
        raise bad_value(parameter, f"an execution must be given as {_PAIR}")
    case, execution = await read_execution_of_case(database, case_id, execution_id)
    configuration = configuration_of(case, execution)
    if configuration is None:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "no-configuration",
            "Nothing to compare",
            f"The configuration of {execution_id[:100]!r} could not be read.",
        )
    return case, execution, configuration


async def _linked_specs(database: Database, executions: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the specs that the executions are linked with, and the dependencies of each."""
    ids = sorted({spec["id"] for execution in executions for spec in execution["specs"]})
    return await database.specs.find({"_id": {"$in": ids}}, {"dependencies": 1})
