"""JSON answers, encoded straight from what the database gave, and their entity tags."""

import hashlib
from typing import Any

import orjson
from fastapi import Request, Response

from api.http.errors import MEDIA_TYPE
from api.http.schemas import ProblemDocument
from models.version import VERSION

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def encode_json(document: Any) -> bytes:
    """Return a document as JSON; datetimes, which are UTC, end in Z."""
    return orjson.dumps(document, option=_OPTIONS)


def json_response(document: Any, headers: dict[str, str] | None = None) -> Response:
    """Return a document as a response."""
    return Response(encode_json(document), headers=headers, media_type="application/json")


def entity_tag(document_id: str, revision: int, view: str = "") -> str:
    """Return the strong entity tag of what `view` shows of a document at a revision."""
    content = orjson.dumps([VERSION, document_id, revision, view])
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def is_not_modified(request: Request, tag: str) -> bool:
    """Tell whether the client has what the tag stands for."""
    given = request.headers.get("if-none-match", "")
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in given.split(","))


def not_modified(tag: str) -> Response:
    """Return the answer that what the client has is right."""
    return Response(status_code=304, headers={"ETag": tag})


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of the errors that a route answers with."""
    texts = {
        400: "A parameter is unknown or makes no sense.",
        401: "A valid token is needed.",
        403: "The token does not have the scope that this needs.",
        404: "There is no such document.",
        409: "Something else is recorded under this identity, or stands in the way.",
        410: "It was deleted; the answer tells when and why.",
        412: "The document has changed since it was read.",
        413: "The body is too large.",
        415: "The body is of a type that cannot be read.",
        422: "A parameter does not have the form that it must have.",
        428: "If-Match is needed.",
        429: "Too many attempts with tokens that are not valid.",
        503: "The database cannot be reached.",
        504: "The database took too long.",
    }
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        status: {"description": texts[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in (*statuses, 503, 504)
    }
