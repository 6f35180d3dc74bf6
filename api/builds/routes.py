"""`/builds`: attempts to build specs, with their events, logs and installed files."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import StringConstraints

from api.builds.comparison import compare_builds
from api.builds.lists import BUILD_LIST, builds_of_spec
from api.builds.matrix import read_matrix
from api.builds.parts import events_page, find_log, manifest_page, read_build_fields
from api.builds.schemas import (
    BuildComparison,
    BuildDetail,
    BuildEventItem,
    BuildItem,
    ManifestItem,
    Matrix,
)
from api.builds.views import build_detail
from api.dependencies import DatabaseDep
from api.http.errors import bad_parameter, not_found
from api.http.responses import (
    entity_tag,
    is_not_modified,
    json_response,
    not_modified,
    problem_responses,
)
from api.http.schemas import PageOf
from api.lists.exports import Export
from api.lists.listing import ListParameters
from api.lists.paging import DEFAULT_LIMIT
from api.lists.parameters import filters_of
from api.lists.time_pages import Cursor, Limit
from api.middleware.head_requests import is_head
from api.specs.resolve import SpecName, resolve_specs
from models.builds.log import read_log

router = APIRouter(tags=["builds"])

_LIST_ERRORS = problem_responses(400, 422)
_ERRORS = problem_responses(400, 404, 422)
_LOG: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The log, or the output of one phase, as it is stored: without credentials.",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": "==> netcdf-c: Executing phase: 'configure'\n",
            }
        },
    },
    **_ERRORS,
}

_BUILD_EXAMPLE = "0b3a4c8e-5d2f-5e61-9a7c-1d2e3f405162"
BuildId = Annotated[
    str,
    Path(
        max_length=200,
        description="The id of the build.",
        examples=[_BUILD_EXAMPLE],
    ),
]


@router.get(
    "/builds",
    response_model=PageOf[BuildItem],
    responses=_LIST_ERRORS,
    openapi_extra=filters_of(BUILD_LIST),
)
async def list_builds(database: DatabaseDep, request: Request, params: ListParameters) -> Response:
    """List all builds, the latest first; each item is one attempt."""
    return await BUILD_LIST.answer(database, request, params)


MAX_PACKAGES = 20
PackageText = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


@router.get("/builds/matrix", response_model=Matrix, responses=_LIST_ERRORS)
async def read_build_matrix(
    database: DatabaseDep,
    package: Annotated[
        list[PackageText] | None,
        Query(
            max_length=MAX_PACKAGES,
            description="The specs, in Spack's syntax; given several times: all of these.",
            examples=[["netcdf-c@4.4:"]],
        ),
    ] = None,
    roots: Annotated[
        bool,
        Query(description="Only builds of specs that were recorded themselves, as roots."),
    ] = False,
) -> Response:
    """Read the outcomes of the builds of packages, by version, compiler and target.

    Without packages it covers all; that takes `roots`.
    """
    if not package and not roots:
        raise bad_parameter("package", "Name at least one package, or ask for roots=true.")
    return json_response(await read_matrix(database, "package", package or (), roots=roots))


@router.get("/builds/compare", response_model=BuildComparison, responses=_ERRORS)
async def compare_two_builds(
    database: DatabaseDep,
    left: Annotated[
        str, Query(max_length=200, description="A build, by its id.", examples=[_BUILD_EXAMPLE])
    ],
    right: Annotated[
        str, Query(max_length=200, description="Another build.", examples=[_BUILD_EXAMPLE])
    ],
) -> Response:
    """Compare two builds: host, environment, arguments, and installed files.

    For two builds of one spec, the result says whether it is reproducible: both installed the same.
    """
    fields = {"events": 0, "eventWords": 0}
    both = [await read_build_fields(database, build_id, fields) for build_id in (left, right)]
    return json_response(await compare_builds(database, *both))


@router.get("/builds/{buildId}", response_model=BuildDetail, responses=_ERRORS)
async def read_build(database: DatabaseDep, request: Request, buildId: BuildId) -> Response:  # noqa: N803
    """Read one build: its phases, host, environment, arguments, tests, and which logs it has."""
    if "if-none-match" in request.headers:
        known = await read_build_fields(database, buildId, {"revision": 1})
        if is_not_modified(request, tag := entity_tag(buildId, known["revision"], "build")):
            return not_modified(tag)
    build = await database.builds.find_one({"_id": buildId}, {"events": 0})
    if build is None:
        raise not_found("build", buildId)
    tag = entity_tag(buildId, build["revision"], "build")
    return json_response(build_detail(build), {"ETag": tag})


@router.get("/builds/{buildId}/log", response_class=Response, responses=_LOG)
async def read_build_log(
    database: DatabaseDep,
    request: Request,
    buildId: BuildId,  # noqa: N803
    phase: Annotated[
        str | None,
        Query(max_length=200, description="Only the output of this phase.", examples=["configure"]),
    ] = None,
    name: Annotated[
        str | None,
        Query(
            max_length=500,
            description="The name of the log, when there are several; the default is the first.",
        ),
    ] = None,
) -> Response:
    """Stream a log as text, or the part of one phase; gzipped for clients that accept it."""
    log, start, end = await find_log(database, buildId, phase, name)
    tag = entity_tag(log["digest"], 0, f"log {start} {end}")
    if is_not_modified(request, tag):
        return not_modified(tag)
    if await database.logs.about(log["digest"]) is None:
        raise not_found("log", log["name"])
    headers = {"ETag": tag, "Content-Type": "text/plain; charset=utf-8"}
    if is_head(request):
        return Response(headers=headers)
    return Export(read_log(database.logs, log["digest"], start, end), headers=headers)


@router.get("/builds/{buildId}/events", response_model=PageOf[BuildEventItem], responses=_ERRORS)
async def list_build_events(
    database: DatabaseDep,
    request: Request,
    buildId: BuildId,  # noqa: N803
    severity: Annotated[
        Literal["error", "warning"] | None, Query(description="Only errors, or only warnings.")
    ] = None,
    phase: Annotated[
        str | None, Query(max_length=200, description="Only those of this phase.")
    ] = None,
    text: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=256,
            description="Only those that contain this in their text or source file, ignoring case.",
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List the errors and warnings of a build, each with the surrounding lines."""
    conditions = {"severity": severity, "phase": phase, "text": text}
    return await events_page(database, request, buildId, conditions, limit, cursor)


@router.get("/builds/{buildId}/manifest", response_model=PageOf[ManifestItem], responses=_ERRORS)
async def list_build_manifest(
    database: DatabaseDep,
    request: Request,
    buildId: BuildId,  # noqa: N803
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List the installed files of a build by path, relative to the prefix."""
    return await manifest_page(database, request, buildId, limit, cursor)


@router.get(
    "/specs/{hash}/builds",
    response_model=PageOf[BuildItem],
    responses=_ERRORS,
    openapi_extra=filters_of(BUILD_LIST),
)
async def list_builds_of_spec(
    database: DatabaseDep,
    request: Request,
    params: ListParameters,
    name: SpecName,
) -> Response:
    """List the builds of one spec, the latest first; the spec need not be recorded.

    When several specs match a hash prefix, the list contains the builds of all of them.
    """
    matching = await resolve_specs(database, name)
    return await builds_of_spec(matching.hashes).answer(database, request, params)
