"""`/specs/files`: lockfiles, database indexes and listings, as they came in."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from api.deps import Store
from api.errors import not_found
from api.named_specs import incomplete
from api.responses import json_response, problems
from api.schemas import ItemsOf
from api.spec_schemas import SpecFileItem
from models.spec_file import list_files, load_file
from models.spec_graph import IncompleteSpecError

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


@router.get("", response_model=ItemsOf[SpecFileItem], responses=problems(400, 422))
async def list_spec_files(
    store: Store,
    file: Annotated[
        str | None,
        Query(
            max_length=4000,
            description="Only those of this name, as `provenance` of a spec tells it.",
            examples=["spack.lock"],
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="The most items to return.")] = 100,
) -> Response:
    """List files of many specs, the latest first; each content of one stands once."""
    return json_response({"items": await list_files(store, file, limit)})


@router.get(
    "/{digest}", response_model=None, responses={**_CONTENT, **problems(400, 404, 409, 422)}
)
async def read_spec_file(
    store: Store,
    digest: Annotated[
        str,
        Path(
            pattern=r"^[0-9a-f]{64}$",
            description="The digest of the file, which the list and an upload tell.",
        ),
    ],
) -> Response:
    """Read a file of many specs equal to what came in; 409 when a spec of it was deleted."""
    try:
        content = await load_file(store, digest)
    except IncompleteSpecError as error:
        raise incomplete(error) from None
    if content is None:
        raise not_found("file", digest)
    return json_response(content)
