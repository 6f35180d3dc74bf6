"""`/ingestions`: imports and their records."""

import re
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.dependencies import DatabaseDep
from api.http.bodies import body_of, read_body
from api.http.errors import ProblemError, not_found
from api.http.responses import json_response, problem_responses
from api.http.schemas import PageOf
from api.http.uploads import FORM, content_type, open_upload
from api.ingestions.bodies import ImportFromPath, LackingQuestion
from api.ingestions.queue import (
    ImportQueue,
    import_options,
    path_below_roots,
    remove_upload,
    save_upload,
)
from api.ingestions.schemas import IngestionItem, Lacking
from api.lists.paging import DEFAULT_LIMIT
from api.lists.time_pages import Cursor, DatedList, Limit
from api.security import require
from ingest.remote.upload_selection import RemoteDirectory, select_for_upload
from models.database.client import Database
from models.ingestions.ingestion import IngestionStatus

router = APIRouter(prefix="/ingestions", tags=["ingestions"])

_SUFFIXES = {
    "application/gzip": ".tar.gz",
    "application/x-gzip": ".tar.gz",
    "application/x-tar": ".tar",
    "application/zip": ".zip",
    "application/zstd": ".tar.zst",
    "application/json": ".json",
    "application/yaml": ".yaml",
}
_NAME_SUFFIXES = (
    ".tar.gz",
    ".tgz",
    ".tar",
    ".tar.zst",
    ".tzst",
    ".zip",
    ".json",
    ".yaml",
    ".lock",
    ".xml",
)
_PLAIN_NAME = re.compile(r"[^/\x00-\x1f.][^/\x00-\x1f]{0,199}")
_ENDED = frozenset({"completed", "partial", "failed", "interrupted"})
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The archive, or a form with the archive as its only file.",
        "content": {
            **{name: {"schema": {"type": "string", "format": "binary"}} for name in _SUFFIXES},
            **FORM,
        },
    }
}
_LACKING_EXAMPLE: dict[str, Any] = {
    "name": "login01.tar",
    "executions": [
        {
            "path": "chrysalis/performance_archive/jdoe/v3.LR.x_0101/729351.250107-193415",
            "fingerprint": "0" * 32,
            "fileCount": 63,
            "modified": 1736300000,
        }
    ],
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": IngestionItem, "description": "The import has ended."},
    **problem_responses(400, 401, 403, 413, 415, 422),
}

Name = Annotated[
    str | None,
    Query(
        max_length=255,
        pattern=r"^[^/\x00-\x1f]+$",
        description="The name of the archive; its suffix determines the kind of the archive.",
        examples=["archive.tar.gz"],
    ),
]
Machine = Annotated[
    str | None,
    Query(
        max_length=100,
        description="The machine of executions whose path and files do not name one.",
    ),
]
Wait = Annotated[
    float,
    Query(ge=0, le=60, description="The number of seconds to wait for the end of the import."),
]


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_model=IngestionItem,
    responses=_ANSWERS,
    dependencies=[require("ingest")],
    openapi_extra=_UPLOAD,
)
async def upload_archive(
    database: DatabaseDep,
    request: Request,
    name: Name = None,
    machine: Machine = None,
    wait: Wait = 10,
) -> Response:
    """Upload an archive and import it; the answer 202 means that the import is still running."""
    settings = request.app.state.settings
    imports: ImportQueue = request.app.state.imports
    with imports.reserve():
        max_bytes = settings.max_upload_mib * 2**20
        upload = open_upload(request, max_bytes, "CASELEDGER_MAX_UPLOAD_MIB")
        async with upload as (chunks, form_name):
            file_name = _file_name(request, name or form_name)
            path = await save_upload(chunks, file_name)
        options = import_options(settings, request.app.state.rules, f"upload:{file_name}")
        try:
            ingestion_id = await imports.start(
                database, path, replace(options, machine=machine), is_upload=True
            )
        except BaseException:
            remove_upload(path)
            raise
    return await _import_response(database, imports, request, ingestion_id, wait)


@router.post(
    "/from-path",
    status_code=HTTPStatus.ACCEPTED,
    response_model=IngestionItem,
    responses=_ANSWERS,
    dependencies=[require("ingest")],
    openapi_extra=body_of(ImportFromPath, {"path": "/archive/performance_archive"}),
)
async def import_from_path(database: DatabaseDep, request: Request, wait: Wait = 10) -> Response:
    """Import a path that the server can read, below the roots that its operator has configured."""
    body = await read_body(request, ImportFromPath)
    settings = request.app.state.settings
    path = path_below_roots(body.path, settings.import_roots)
    options = import_options(settings, request.app.state.rules, None)
    imports: ImportQueue = request.app.state.imports
    options = replace(options, machine=body.machine, is_resolved=True)
    with imports.reserve():
        ingestion_id = await imports.start(database, path, options, is_upload=False)
    return await _import_response(database, imports, request, ingestion_id, wait)


@router.post(
    "/lacking",
    response_model=Lacking,
    responses=problem_responses(400, 401, 403, 413, 415, 422),
    dependencies=[require("ingest")],
    openapi_extra=body_of(LackingQuestion, _LACKING_EXAMPLE),
)
async def find_lacking(database: DatabaseDep, request: Request) -> Response:
    """Find the execution directories that are worth uploading; the answer has their positions.

    `caseledger import --to` sends this request. `fingerprint`, `fileCount` and `modified` have to
    be computed as an import does.
    """
    body = await read_body(request, LackingQuestion)
    directories = [RemoteDirectory(**item.model_dump()) for item in body.executions]
    return json_response({"lacking": await select_for_upload(database, body.name, directories)})


@router.get("", response_model=PageOf[IngestionItem], responses=problem_responses(400, 422))
async def list_ingestions(
    database: DatabaseDep,
    request: Request,
    status: Annotated[
        IngestionStatus | None, Query(description="Only imports with this status.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List imports, the latest first, without their problems."""
    query = {} if status is None else {"status": status}
    imports = DatedList(database.ingestions, "startedAt", -1, _item)
    return await imports.answer(request, query, {"problems": 0}, limit, cursor)


@router.get(
    "/{ingestionId}", response_model=IngestionItem, responses=problem_responses(400, 404, 422)
)
async def read_ingestion(
    database: DatabaseDep,
    ingestionId: Annotated[  # noqa: N803
        str, Path(max_length=100, description="The id of the import, a UUID.")
    ],
) -> Response:
    """Read one import: its counters, and what it could not use, with the reasons."""
    return json_response(await _read(database, ingestionId))


async def _import_response(
    database: Database, imports: ImportQueue, request: Request, ingestion_id: str, wait: float
) -> Response:
    """Wait some seconds for the end of an import, and return its record."""
    await imports.wait(ingestion_id, wait)
    item = await _read(database, ingestion_id)
    response = json_response(item)
    response.status_code = HTTPStatus.OK if item["status"] in _ENDED else HTTPStatus.ACCEPTED
    base = request.url.path.removesuffix("/from-path")
    response.headers["Location"] = f"{base}/{ingestion_id}"
    return response


async def _read(database: Database, ingestion_id: str) -> dict[str, Any]:
    record = await database.ingestions.find_one({"_id": ingestion_id})
    if record is None:
        raise not_found("ingestion", ingestion_id)
    return _item(record)


def _item(record: dict[str, Any]) -> dict[str, Any]:
    return {"id": record.pop("_id"), "problems": record.pop("problems", None), **record}


def _file_name(request: Request, name: str | None) -> str:
    """Return a name for the upload whose suffix determines its kind.

    The suffix is that of the name, or else that of the media type. Raise a 415 when neither is
    known.
    """
    media_type = content_type(request)
    name = name if name is not None and _PLAIN_NAME.fullmatch(name) else ""
    if name.lower().endswith(_NAME_SUFFIXES):
        return name
    if media_type in _SUFFIXES:
        return f"{name or 'archive'}{_SUFFIXES[media_type]}"
    raise ProblemError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unknown-type",
        "The kind of the upload is unknown",
        f"Use a name that ends in {', '.join(_NAME_SUFFIXES)}, or the media type of the archive.",
    )
