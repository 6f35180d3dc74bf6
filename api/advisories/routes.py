"""Advisories about packages: what has an affected version."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.advisories.advisory import Advisory, AdvisoryError, parse_osv, parse_table
from api.advisories.schemas import Affected
from api.advisories.search import find_affected
from api.dependencies import DatabaseDep
from api.http.errors import bad_value
from api.http.json_body import read_json, read_text
from api.http.responses import json_response, problem_responses
from api.security import require

router = APIRouter(tags=["specs"])

_TABLE = "text/csv"
_EXAMPLE_TABLE = "package,range,id\nzlib,:1.2.12,CVE-2022-37434\n"
_EXAMPLE_OSV: dict[str, Any] = {
    "id": "CVE-2022-37434",
    "affected": [
        {
            "package": {"ecosystem": "OSS-Fuzz", "name": "zlib"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.13"}]}],
        }
    ],
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": _EXAMPLE_OSV},
            _TABLE: {"schema": {"type": "string"}, "example": _EXAMPLE_TABLE},
        },
    }
}


@router.post(
    "/specs/affected",
    response_model=Affected,
    responses=problem_responses(400, 413, 415, 422),
    dependencies=[require("read")],
    openapi_extra=_BODY,
)
async def find_affected_by_advisories(database: DatabaseDep, request: Request) -> Response:
    """Find what has an affected version: specs, roots, builds, executions and cases.

    The body is an OSV record, a list of such records, or `{"vulns": […]}`; or, as `text/csv`, a
    table with the columns `package`, `range` (versions in Spack's syntax) and optionally `id`.
    """
    advisories = await _read_advisories(request)
    return json_response(
        {"items": [await find_affected(database, advisory) for advisory in advisories]}
    )


async def _read_advisories(request: Request) -> list[Advisory]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == _TABLE:
            return parse_table(await read_text(request))
        return parse_osv(await read_json(request))
    except AdvisoryError as error:
        raise bad_value("body", str(error)) from None
