"""`/specs/files`: lockfiles, database indexes and listings, as they were submitted."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.dependencies import DatabaseDep
from api.http.errors import not_found
from api.http.responses import json_response, problem_responses
from api.http.schemas import PageOf
from api.lists.paging import DEFAULT_LIMIT
from api.lists.time_pages import Cursor, DatedList, Limit
from api.specs.resolve import incomplete_error
from api.specs.schemas import SpecFileItem
from models.specs.spec_file import FILE_LIST_PROJECTION, FIRST_PART, load_file
from models.specs.stored_graph import IncompleteSpecError

router = APIRouter(prefix="/specs/files", tags=["specs"])

_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            "application/json": {
                "schema": {"type": ["object", "array"]},
                "example": {"_meta": {"file-type": "spack-lockfile"}, "roots": []},
            }
        },
    }
}


@router.get("", response_model=PageOf[SpecFileItem], responses=problem_responses(400, 422))
async def list_spec_files(
    database: DatabaseDep,
    request: Request,
    file: Annotated[
        str | None,
        Query(
            max_length=4000,
            description="Only files of this name, as it appears in `provenance` of a spec.",
            examples=["spack.lock"],
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List files with many specs, the latest first; each content of a file appears once."""
    query = FIRST_PART if file is None else {**FIRST_PART, "file": file}
    files = DatedList(database.spec_files, "createdAt", -1, _without_id)
    return await files.answer(request, query, FILE_LIST_PROJECTION, limit, cursor)


def _without_id(document: dict[str, Any]) -> dict[str, Any]:
    del document["_id"]
    return document


@router.get(
    "/{digest}",
    response_model=None,
    responses={**_CONTENT, **problem_responses(400, 404, 409, 422)},
)
async def read_spec_file(
    database: DatabaseDep,
    digest: Annotated[
        str,
        Path(
            pattern=r"^[0-9a-f]{64}$",
            description="The digest of the file, from the list or the response to an upload.",
        ),
    ],
) -> Response:
    """Read a file with many specs, equal to the submitted one; 409 when one of them was deleted."""
    try:
        content = await load_file(database, digest)
    except IncompleteSpecError as error:
        raise incomplete_error(error) from None
    if content is None:
        raise not_found("file", digest)
    return json_response(content)
