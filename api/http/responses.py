"""JSON responses, encoded directly from documents of the database, and their entity tags."""

import hashlib
from typing import Any

import orjson
from fastapi import Request, Response

from api.http.errors import MEDIA_TYPE
from api.http.schemas import ProblemDocument
from models.version import VERSION

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def encode_json(document: Any) -> bytes:
    """Return a document as JSON; datetimes have to be UTC and are written with `Z`."""
    return orjson.dumps(document, option=_OPTIONS)


def json_response(document: Any, headers: dict[str, str] | None = None) -> Response:
    """Return a document as a response."""
    return Response(encode_json(document), headers=headers, media_type="application/json")


def entity_tag(document_id: str, revision: int, view: str = "") -> str:
    """Return the strong entity tag of one view of a document at a revision."""
    content = orjson.dumps([VERSION, document_id, revision, view])
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def is_not_modified(request: Request, tag: str) -> bool:
    """Return whether `If-None-Match` of the request names the tag: the client has this state."""
    header = request.headers.get("if-none-match", "")
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in header.split(","))


def not_modified(tag: str) -> Response:
    """Return the answer that the client has the current state."""
    return Response(status_code=304, headers={"ETag": tag})


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of these errors, and of 503 and 504, which all routes have."""
    texts = {
        400: "A parameter is unknown or invalid.",
        401: "A valid token is needed.",
        403: "The token does not have the scope that this needs.",
        404: "There is no such document.",
        408: "The body arrives too slowly.",
        409: "Something else is recorded under this identity, or prevents this.",
        410: "It was deleted; the answer says when and why.",
        412: "The document has changed since it was read.",
        413: "The body is too large.",
        415: "The body is of a type that cannot be read.",
        422: "A parameter does not have the required form.",
        428: "If-Match is needed.",
        429: "Too many attempts with invalid tokens.",
        503: "The database cannot be reached.",
        504: "The database took too long.",
        507: "The disk of the database, or the temporary directory of the service, is full.",
    }
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        status: {"description": texts[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in (*statuses, 503, 504)
    }
