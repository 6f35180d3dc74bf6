"""`/ingestions`: imports, and asking for one."""

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
from api.http.uploads import FORM, content_type, uploaded
from api.ingestions.bodies import FoundElsewhere, ImportFromPath, LackingQuestion
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
from ingest.cases.layout import locate
from ingest.cases.recorded import find_recorded
from ingest.cases.sources.base import ExecutionDirectory, FilesSummary
from models.cases.lid import parse_lid
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
_NAMED = (".tar.gz", ".tgz", ".tar", ".tar.zst", ".tzst", ".zip", ".json", ".yaml", ".lock", ".xml")
_PLAIN_NAME = re.compile(r"[^/\x00-\x1f.][^/\x00-\x1f]{0,199}")
_ENDED = frozenset({"completed", "partial", "failed", "interrupted"})
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The archive, or a form with the archive as its one file.",
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
    200: {"model": IngestionItem, "description": "The import is over."},
    **problem_responses(400, 401, 403, 413, 415, 422),
}

Name = Annotated[
    str | None,
    Query(
        max_length=255,
        pattern=r"^[^/\x00-\x1f]+$",
        description="What the archive is called; its end tells what it is.",
        examples=["archive.tar.gz"],
    ),
]
Machine = Annotated[
    str | None,
    Query(max_length=100, description="Machine of executions that do not tell theirs."),
]
Wait = Annotated[
    float, Query(ge=0, le=60, description="How many seconds to wait for the end of the import.")
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
    """Upload an archive and import it; large ones go on when this has been answered with 202."""
    settings = request.app.state.settings
    imports: ImportQueue = request.app.state.imports
    with imports.place():
        most_bytes = settings.max_upload_mib * 2**20
        chunks, told = await uploaded(request, most_bytes, "CASELEDGER_MAX_UPLOAD_MIB")
        own_name = _file_name(request, name or told)
        path = await save_upload(chunks, own_name)
        options = import_options(settings, request.app.state.rules, f"upload:{own_name}")
        try:
            own = await imports.start(
                database, path, replace(options, machine=machine), is_ours=True
            )
        except BaseException:
            remove_upload(path)
            raise
    return await _begun(database, imports, request, own, wait)


@router.post(
    "/from-path",
    status_code=HTTPStatus.ACCEPTED,
    response_model=IngestionItem,
    responses=_ANSWERS,
    dependencies=[require("ingest")],
    openapi_extra=body_of(ImportFromPath, {"path": "/archive/performance_archive"}),
)
async def import_from_path(database: DatabaseDep, request: Request, wait: Wait = 10) -> Response:
    """Import what the server can read, below the roots that its operator has named."""
    body = await read_body(request, ImportFromPath)
    settings = request.app.state.settings
    path = path_below_roots(body.path, settings.import_roots)
    options = import_options(settings, request.app.state.rules, None)
    imports: ImportQueue = request.app.state.imports
    options = replace(options, machine=body.machine)
    with imports.place():
        own = await imports.start(database, path, options, is_ours=False)
    return await _begun(database, imports, request, own, wait)


@router.post(
    "/lacking",
    response_model=Lacking,
    responses=problem_responses(400, 401, 403, 413, 415, 422),
    dependencies=[require("ingest")],
    openapi_extra=body_of(LackingQuestion, _LACKING_EXAMPLE),
)
async def find_lacking(database: DatabaseDep, request: Request) -> Response:
    """Tell which execution directories are worth uploading; the answer holds their positions.

    `fingerprint` and the rest are as an import finds them; `caseledger import --to` asks this.
    """
    body = await read_body(request, LackingQuestion)
    directories = [_found(f"upload:{body.name}!{item.path}", item) for item in body.executions]
    wanted = [found for found in directories if found is not None]
    known = await find_recorded(database, wanted)
    lacking = [
        number
        for number, found in enumerate(directories)
        if found is not None and not known.is_unchanged(found)
    ]
    return json_response({"lacking": lacking})


def _found(path: str, item: FoundElsewhere) -> ExecutionDirectory | None:
    *parts, name = item.path.split("/")
    lid = parse_lid(name)
    if lid is None:
        return None
    summary = FilesSummary(item.fingerprint, item.file_count, item.modified)
    return ExecutionDirectory(path, locate(parts, lid), (), summary)


@router.get("", response_model=PageOf[IngestionItem], responses=problem_responses(400, 422))
async def list_ingestions(
    database: DatabaseDep,
    request: Request,
    status: Annotated[
        IngestionStatus | None, Query(description="Only those of this status.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List imports, the latest first, without the problems that they met."""
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
    """Read one import: its counters, and what it could not use and why."""
    return json_response(await _read(database, ingestionId))


async def _begun(
    database: Database, imports: ImportQueue, request: Request, ingestion_id: str, wait: float
) -> Response:
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
    """Return what to call the upload; its end tells what it is, a 415 when nothing does."""
    kind = content_type(request)
    name = name if name is not None and _PLAIN_NAME.fullmatch(name) else ""
    if name.lower().endswith(_NAMED):
        return name
    if kind in _SUFFIXES:
        return f"{name or 'archive'}{_SUFFIXES[kind]}"
    raise ProblemError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unknown-type",
        "It cannot be told what this is",
        f"Give a name that ends in {', '.join(_NAMED)}, or the type of the archive.",
    )
