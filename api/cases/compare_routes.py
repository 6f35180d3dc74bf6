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
from models.cases.baselines import baseline_id
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
        str | None,
        Query(
            max_length=500,
            description=f"Another execution, {_PAIR}; not needed with `baseline`.",
            examples=[_EXAMPLE],
        ),
    ] = None,
    more: Annotated[
        list[str] | None,
        Query(max_length=MAX_COMPARED - 2, description=f"Further executions, each {_PAIR}."),
    ] = None,
    baseline: Annotated[
        str | None,
        Query(
            max_length=300,
            description="Compare with the baseline of `left`, which then comes first: `canonical`,"
            " `lineage`, `previous`, or the id of an execution of the same case.",
            examples=["previous"],
        ),
    ] = None,
) -> Response:
    """Compare executions: configuration values by file and class, and software.

    Values are compared by meaning, as in deltas; equal ones are left out. The comparison of
    software includes everything that the linked specs need to run.
    """
    summaries, configurations, executions = [], [], []
    pairs = [("left", left), *(("more", pair) for pair in more or ())]
    if right is not None:
        pairs.insert(1, ("right", right))
    if baseline is not None:
        pairs.insert(0, ("baseline", await _baseline_of(database, left, baseline)))
    elif right is None:
        raise bad_value("right", "say with what to compare: `right`, or `baseline=previous`")
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
    case_id, execution_id = _split(parameter, pair)
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


def _split(parameter: str, pair: str) -> tuple[str, str]:
    case_id, slash, execution_id = pair.partition("/")
    if not (case_id and slash and execution_id):
        raise bad_value(parameter, f"an execution must be given as {_PAIR}")
    return case_id, execution_id


async def _baseline_of(database: Database, left: str, baseline: str) -> str:
    """Return the pair of the baseline of an execution; a 422 when it has none."""
    case, execution = await read_execution_of_case(database, *_split("left", left))
    named = baseline_id(case, execution, baseline)
    if named is None:
        raise bad_value(
            "baseline", f"{execution['executionId'][:100]!r} has no {baseline} baseline"
        )
    return f"{case['_id']}/{named}"


async def _linked_specs(database: Database, executions: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the specs that the executions are linked with, and the dependencies of each."""
    ids = sorted({spec["id"] for execution in executions for spec in execution["specs"]})
    return await database.specs.find({"_id": {"$in": ids}}, {"dependencies": 1})
