"""`/specs`: recording specs, editing what callers add to one, deleting one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import DatabaseDep
from api.http.bodies import Extra, Strict, body_of, read_body
from api.http.errors import ProblemError, not_found
from api.http.preconditions import if_match_tags, outdated, require_match
from api.http.responses import json_response, problem_responses
from api.http.uploads import FORM, open_upload
from api.security import require
from api.specs.resolve import SpecId, read_spec
from api.specs.routes import spec_tag
from api.specs.schemas import SpecDetail, SpecUpload
from api.specs.views import spec_detail
from ingest.specs.limits import SpecLimits
from ingest.specs.upload import UploadedItem, upload_specs
from models.database.client import Database
from models.software.links import relink_specs
from models.specs.deletion import ReferredToError, delete_spec
from models.specs.store import edit_extra

router = APIRouter(prefix="/specs", tags=["specs"])

_MIB = 2**20
_MAX_REPORTED = 100  # rejected items
_NAME = r"^[^/\x00-\x1f]+$"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A file written by Spack: a spec document, an array or NDJSON of these, a"
        " lockfile, the index of an install tree or a build cache, or a signed spec file; plain or"
        " gzipped. Or a form with one such file.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"spec": {"_meta": {"version": 5}, "nodes": []}},
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/yaml": {"schema": {"type": "string"}},
            "text/plain": {"schema": {"type": "string"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            **FORM,
        },
    }
}

Name = Annotated[
    str | None,
    Query(
        max_length=255,
        pattern=_NAME,
        description="The name of the file, whose suffix distinguishes YAML from JSON. The default"
        " is the name in the form, or else spec.json.",
        examples=["spack.lock"],
    ),
]


class SpecEdit(Strict):
    """The `extra` of a spec: any JSON object, not interpreted, which replaces the old one."""

    extra: Extra


@router.post(
    "",
    response_model=SpecUpload,
    responses={
        201: {"model": SpecUpload, "description": "Specs were recorded."},
        **problem_responses(400, 401, 403, 413, 422),
    },
    dependencies=[require("ingest")],
    openapi_extra=_BODY,
)
async def upload_spec_documents(
    database: DatabaseDep,
    request: Request,
    name: Name = None,
    strict: Annotated[
        bool,
        Query(
            description="Refuse documents in which a node does not have the hash that it states."
            " Without it, they are recorded as not verified."
        ),
    ] = False,
) -> Response:
    """Record the specs of a file written by Spack: 201 when any is new, 200 when none is.

    An invalid item does not affect the others; a 422 means that no item was accepted.
    """
    max_bytes = request.app.state.settings.max_spec_mib * _MIB
    async with open_upload(request, max_bytes, "CASELEDGER_MAX_SPEC_MIB") as (chunks, form_name):
        data = b"".join([chunk async for chunk in chunks])
    limits = SpecLimits(size=max_bytes)
    upload = await upload_specs(database, data, name or _plain(form_name), limits, strict=strict)
    items = upload.items
    if items and all(item.outcome == "rejected" for item in items):
        raise _rejected(items)
    answer = {
        "ingestionId": upload.ingestion_id,
        "items": [asdict(item) for item in items],
        "files": upload.files,
    }
    response = json_response(answer)
    if any(item.outcome == "created" for item in items):
        response.status_code = HTTPStatus.CREATED
    if len(items) == 1:
        response.headers["Location"] = f"{request.url.path}/{items[0].id}"
    return response


@router.patch(
    "/{hash}",
    response_model=SpecDetail,
    responses=problem_responses(400, 401, 403, 404, 410, 412, 413, 415, 422, 428),
    dependencies=[require("edit")],
    openapi_extra=body_of(SpecEdit, {"extra": {"ticket": 4711}}),
)
async def update_spec(database: DatabaseDep, request: Request, spec_id: SpecId) -> Response:
    """Edit `extra` of a spec, which an import never changes; `If-Match` takes its ETag."""
    document = await read_spec(database, spec_id)
    tags = if_match_tags(request, "spec")
    require_match(tags, spec_tag(document), "The spec has changed since then.")
    body = await read_body(request, SpecEdit)
    if not await edit_extra(database, document, body.extra):
        raise outdated("The spec was changed concurrently.")
    document = await read_spec(database, spec_id)
    same = await database.specs.find({"hashes": document["hash"], "tombstone": None}, {"_id": 1})
    detail = spec_detail(document, sorted(spec["_id"] for spec in same))
    return json_response(detail, {"ETag": spec_tag(document)})


@router.delete(
    "/{hash}",
    status_code=HTTPStatus.NO_CONTENT,
    response_model=None,
    responses=problem_responses(400, 401, 403, 404, 409, 410, 422),
    dependencies=[require("admin")],
)
async def remove_spec(
    database: DatabaseDep,
    spec_id: SpecId,
    force: Annotated[
        bool, Query(description="Delete it even if others refer to it; a tombstone remains.")
    ] = False,
    reason: Annotated[
        str,
        Query(max_length=2000, description="The reason for the deletion, kept in the tombstone."),
    ] = "",
) -> Response:
    """Delete a spec; 409 when specs, builds or executions refer to it, unless `force` is true."""
    document = await read_spec(database, spec_id)
    await _delete(database, document, reason, force=force)
    await relink_specs(database, document["hashes"])
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _delete(
    database: Database, document: Mapping[str, Any], reason: str, *, force: bool
) -> None:
    spec_id = document["_id"]
    try:
        is_deleted = await delete_spec(database, spec_id, reason=reason, force=force)
    except ReferredToError as error:
        if error.added_concurrently:
            await relink_specs(database, document["hashes"])
        references = asdict(error.references)
        raise ProblemError(
            HTTPStatus.CONFLICT,
            "referred-to",
            "Others refer to it",
            f"{error}; force=true deletes it and leaves a tombstone.",
            [{"kind": kind, "ids": list(ids)} for kind, ids in references.items() if ids],
        ) from None
    if not is_deleted:
        raise not_found("spec", spec_id)


def _plain(name: str | None) -> str:
    """Return the name that a form states, or `spec.json` when it states none or no plain name."""
    return name if name is not None and re.fullmatch(_NAME, name) else "spec.json"


def _rejected(items: Sequence[UploadedItem]) -> ProblemError:
    """Return the error when no item was accepted; it reports at most `_MAX_REPORTED` items."""
    errors = [
        {"place": item.place, "reason": item.reason, "detail": item.detail}
        for item in items[:_MAX_REPORTED]
    ]
    detail = f"{items[0].reason}: {items[0].detail}"
    if len(items) > 1:
        detail = f"None of {len(items)} items was accepted; the first: {detail}"
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, "rejected", "No spec was accepted", detail, errors
    )
