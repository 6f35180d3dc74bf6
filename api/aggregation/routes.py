"""`/<resource>/aggregate`: clients' aggregation pipelines, restricted by an allow-list."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from api.aggregation.errors import PipelineError
from api.aggregation.pipeline import check_pipeline
from api.aggregation.response import pipeline_response
from api.aggregation.work import place_of_excess
from api.dependencies import DatabaseDep
from api.http.errors import ProblemError
from api.http.json_body import MAX_QUESTION_VALUES, read_json
from api.http.responses import problem_responses
from api.security import require
from models.database.client import Database
from models.database.collection import Collection
from models.errors import AggregationError, DatabaseTimeoutError, DocumentTooLargeError
from models.settings import Settings

router = APIRouter(tags=["search"])

RESOURCES: Mapping[str, Callable[[Database], Collection]] = {
    "cases": lambda database: database.cases,
    "executions": lambda database: database.executions,
    "specs": lambda database: database.specs,
    "builds": lambda database: database.builds,
}
"""The collections over which a pipeline can run, by the resource in the URL."""

_EXAMPLE = [
    {"$match": {"machine": "pm-cpu"}},
    {"$group": {"_id": "$compiler", "number": {"$sum": 1}}},
    {"$sort": {"number": -1}},
]
_STAGES: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
_OPENAPI: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A pipeline in MongoDB Extended JSON, by itself or in an object.",
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        _STAGES,
                        {
                            "type": "object",
                            "properties": {"pipeline": _STAGES},
                            "required": ["pipeline"],
                            "additionalProperties": False,
                        },
                    ]
                },
                "example": {"pipeline": _EXAMPLE},
            }
        },
    }
}
_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The resulting documents, in relaxed Extended JSON.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "items": {"type": "array", "items": {"type": "object"}},
                        "isComplete": {"type": "boolean"},
                    },
                    "required": ["items", "isComplete"],
                }
            },
            "application/x-ndjson": {"schema": {"type": "object"}},
        },
    }
}


async def _aggregate(collection: Collection, request: Request) -> Response:
    settings: Settings = request.app.state.settings
    pipeline = _read_pipeline(
        await read_json(request, max_values=MAX_QUESTION_VALUES), settings.aggregate_limit + 1
    )
    documents = collection.stream_aggregate(pipeline, seconds=settings.aggregate_seconds)
    try:
        return await pipeline_response(
            request,
            documents,
            limit=settings.aggregate_limit,
            seconds=settings.aggregate_seconds,
            slots=request.app.state.aggregations,
        )
    except (AggregationError, DatabaseTimeoutError, DocumentTooLargeError) as error:
        raise _problem(error, settings.aggregate_seconds) from error


def _read_pipeline(body: Any, limit: int) -> list[dict[str, Any]]:
    try:
        if isinstance(body, dict):
            if set(body) != {"pipeline"}:
                raise PipelineError(
                    "body", "this must be a pipeline, or an object with only pipeline."
                )
            body = body["pipeline"]
        return check_pipeline(body, limit)
    except PipelineError as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "bad-pipeline",
            "Bad pipeline",
            str(error),
            [{"place": error.place, "detail": error.detail}],
        ) from None


def _problem(error: Exception, seconds: float) -> ProblemError:
    if place := place_of_excess(str(error)):
        return ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "too-much-work",
            "The pipeline makes too much work",
            f"{place}: this makes too much work within one of the documents. Loop over less, read"
            " values before the loop with $let, or use $unwind before.",
            [{"place": place, "detail": "too much work within one document"}],
        )
    if isinstance(error, AggregationError):
        return ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "pipeline-failed", "The pipeline fails", str(error)
        )
    if isinstance(error, DocumentTooLargeError):
        return ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too-large",
            "Too large",
            "A document can have 16 MiB at most, and what a stage gathers 100 MiB: $project only"
            " the fields that are needed, and $unwind instead of $push.",
        )
    return ProblemError(
        HTTPStatus.GATEWAY_TIMEOUT,
        "timeout",
        "The database took too long",
        f"A pipeline is stopped after {seconds:g} seconds. Begin with a $match on an indexed field"
        " (see /fields), $project early what is needed, and $limit.",
    )


def _route(resource: str) -> Callable[[Database, Request], Awaitable[Response]]:
    async def aggregate(database: DatabaseDep, request: Request) -> Response:
        return await _aggregate(RESOURCES[resource](database), request)

    aggregate.__name__ = f"aggregate_{resource}"
    aggregate.__doc__ = f"""Run an aggregation pipeline over the documents of `{resource}`.

    A pipeline can only read, and can only use the stages and operators that the documentation
    lists. Clients that accept NDJSON get it as a stream.
    """
    return aggregate


for _resource in RESOURCES:
    router.add_api_route(
        f"/{_resource}/aggregate",
        _route(_resource),
        methods=["POST"],
        responses={**_RESPONSE, **problem_responses(400, 413, 415, 422)},
        response_model=None,
        response_class=Response,
        openapi_extra=_OPENAPI,
        dependencies=[require("read")],
    )
