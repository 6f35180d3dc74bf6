"""JSON answers, encoded straight from what the database gave."""

from typing import Any

import orjson
from fastapi import Response

from api.errors import MEDIA_TYPE
from api.schemas import ProblemDocument


def json_response(document: Any) -> Response:
    """Return a document as JSON; datetimes, which are UTC, end in Z."""
    options = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC
    return Response(orjson.dumps(document, option=options), media_type="application/json")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of the errors that a route answers with."""
    texts = {
        400: "A query parameter is unknown or makes no sense.",
        404: "There is no such document.",
        422: "A parameter does not have the form that it must have.",
        503: "The database cannot be reached.",
        504: "The database took too long.",
    }
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        status: {"description": texts[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in (*statuses, 503, 504)
    }
