"""Reports of running builds, from a hook or a CI job; each may be repeated without harm."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.builds.routes import BuildId
from api.builds.schemas import BuildDetail
from api.builds.views import build_detail
from api.dependencies import DatabaseDep
from api.http.bodies import body_of, read_body
from api.http.errors import ProblemError, bad_value, not_found
from api.http.json_body import refuse_stated_size
from api.http.responses import entity_tag, json_response, problem_responses
from api.security import CurrentCaller, require
from ingest.builds.live import (
    UnknownPackageError,
    attach_log,
    attach_manifest,
    begin_build,
    change_build,
    report_phase,
)
from models.builds.report import BuildChange, NewBuild, PhaseReport
from models.database.client import Database
from models.errors import ConflictError, ParseError

router = APIRouter(prefix="/builds", tags=["builds"], dependencies=[require("ingest")])

MAX_REPORT_BYTES = 2**26
"""The size limit of a report: the manifest of a build may have 200,000 files."""

MAX_MANIFEST_BYTES = 2**28

LOG_NAME = "spack-build-out.txt"

_ERRORS = problem_responses(400, 401, 403, 404, 413, 415, 422)
_NEW_ERRORS: dict[int | str, dict[str, Any]] = {
    200: {"model": BuildDetail, "description": "The same build is already recorded."},
    **problem_responses(400, 401, 403, 409, 413, 415, 422),
}
_NEW_EXAMPLE: dict[str, Any] = {
    "specHash": "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q",
    "name": "netcdf-c",
    "version": "4.9.2",
    "startedLocal": "2026-01-02T03:04:05.500000",
    "host": {"hostname": "login03", "hostOs": "sles15", "spackVersion": "1.0.0"},
    "session": "pipeline 4711",
    "tags": ["nightly"],
}
_CHANGE_EXAMPLE: dict[str, Any] = {
    "status": "failed", "failedPhase": "configure", "seconds": 61.5,
}  # fmt: skip
_LOG_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The log, plain or gzipped.",
        "content": {"text/plain": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_MANIFEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Lines of JSON, one entry each.",
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"path": "lib/libz.a", "type": "file", "size": 141022}\n',
            }
        },
    }
}
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip"})


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=BuildDetail,
    responses=_NEW_ERRORS,
    openapi_extra=body_of(NewBuild, _NEW_EXAMPLE),
)
async def create_build(database: DatabaseDep, request: Request, caller: CurrentCaller) -> Response:
    """Record a build that begins, or that will run; the caller becomes its owner.

    It is identified by its spec and the precise time of its first command, or else by `key`.
    Sending the same build again returns 200 and changes nothing. Without either, each request
    records another build.
    """
    new = await read_body(request, NewBuild)
    try:
        build_id, is_new = await begin_build(database, new, caller.name)
    except UnknownPackageError as error:
        raise bad_value("name", str(error)) from None
    response = await _build_response(database, build_id, _identity(new) if not is_new else None)
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    response.headers["Location"] = f"{request.url.path}/{build_id}"
    return response


@router.put(
    "/{buildId}/phases/{name}",
    response_model=BuildDetail,
    responses=_ERRORS,
    openapi_extra=body_of(PhaseReport, {"status": "success", "seconds": 12.5}),
)
async def put_build_phase(
    database: DatabaseDep,
    request: Request,
    caller: CurrentCaller,
    buildId: BuildId,  # noqa: N803
    name: Annotated[
        str,
        Path(min_length=1, max_length=200, description="Name of a phase.", examples=["configure"]),
    ],
) -> Response:
    """Report the state of a phase; a new phase is added after those already recorded."""
    report = await read_body(request, PhaseReport)
    _require(await report_phase(database, buildId, name, report, caller.name), buildId)
    return await _build_response(database, buildId)


@router.patch(
    "/{buildId}",
    response_model=BuildDetail,
    responses=_ERRORS,
    openapi_extra=body_of(BuildChange, _CHANGE_EXAMPLE),
)
async def update_build(
    database: DatabaseDep,
    request: Request,
    caller: CurrentCaller,
    buildId: BuildId,  # noqa: N803
) -> Response:
    """Report the outcome of a build; fields that are not given remain unchanged.

    When it has failed, the builds of its session that depend on it and did not run become
    cancelled, and name it as their cause.
    """
    change = await read_body(request, BuildChange, MAX_REPORT_BYTES)
    _require(await change_build(database, buildId, change, caller.name), buildId)
    return await _build_response(database, buildId)


@router.put(
    "/{buildId}/log",
    response_model=BuildDetail,
    responses={**_ERRORS, **problem_responses(415)},
    openapi_extra=_LOG_BODY,
)
async def put_build_log(
    database: DatabaseDep,
    request: Request,
    caller: CurrentCaller,
    buildId: BuildId,  # noqa: N803
    name: Annotated[
        str,
        Query(
            min_length=1,
            max_length=200,
            pattern=r"^[^/\x00-\x1f]+$",
            description="The name of the log.",
        ),
    ] = LOG_NAME,
) -> Response:
    """Send the log, plain or gzipped; phases, errors and warnings are read from it.

    It replaces the log that was sent before. Credentials are masked before it is stored.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unknown-encoding",
            "Unknown encoding",
            "A log must be sent plain, or with the Content-Encoding gzip.",
        )
    chunks = _limited(request, request.app.state.settings.max_log_mib * 2**20, "log")
    _require(await attach_log(database, buildId, name, chunks, caller.name), buildId)
    return await _build_response(database, buildId)


@router.put(
    "/{buildId}/manifest",
    response_model=BuildDetail,
    responses=_ERRORS,
    openapi_extra=_MANIFEST_BODY,
)
async def put_build_manifest(
    database: DatabaseDep,
    request: Request,
    caller: CurrentCaller,
    buildId: BuildId,  # noqa: N803
) -> Response:
    """Send the manifest of installed files: any number of them, one per line, in order of paths.

    It replaces the manifest that was sent before.
    """
    chunks = _limited(request, MAX_MANIFEST_BYTES, "manifest")
    try:
        _require(await attach_manifest(database, buildId, chunks, caller.name), buildId)
    except ParseError as error:
        raise bad_value("body", error.detail) from None
    return await _build_response(database, buildId)


async def _limited(request: Request, max_bytes: int, what: str) -> AsyncIterator[bytes]:
    too_large = ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        "Too large",
        f"A {what} can have {max_bytes} bytes at most, as it is sent.",
    )
    refuse_stated_size(request, max_bytes, too_large)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise too_large
        yield chunk


def _require(build: object | None, build_id: str) -> None:
    if build is None:
        raise not_found("build", build_id)


def _identity(new: NewBuild) -> dict[str, Any]:
    return {"specHash": new.spec_hash, "name": new.name, "version": new.version}


async def _build_response(
    database: Database, build_id: str, expected: dict[str, Any] | None = None
) -> Response:
    """Return the response with a build; ConflictError unless it has the `expected` fields."""
    build = await database.builds.find_one({"_id": build_id}, {"events": 0})
    if build is None:
        raise not_found("build", build_id)
    for field, value in (expected or {}).items():
        if value is not None and build[field] not in (None, value):
            raise ConflictError(f"build {build_id} is recorded with another {field}")
    tag = entity_tag(build_id, build["revision"], "build")
    return json_response(build_detail(build), {"ETag": tag})
