"""`/builds/sessions`: the builds of one run of Spack together."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.builds.schemas import BuildSession, BuildSessionItem
from api.builds.sessions import list_sessions, read_session
from api.dependencies import DatabaseDep
from api.http.responses import json_response, problem_responses
from api.http.schemas import PageOf
from api.lists.listing import page_response
from api.lists.paging import DEFAULT_LIMIT, read_cursor, write_cursor
from api.lists.time_pages import Cursor, Limit

router = APIRouter(tags=["builds"])

_LIST_KEY = "build sessions"
_EXAMPLE = "pipeline 4711"


@router.get(
    "/builds/sessions",
    response_model=PageOf[BuildSessionItem],
    responses=problem_responses(400, 422),
)
async def list_build_sessions(
    database: DatabaseDep, request: Request, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """List the runs of Spack whose builds were recorded with a session, the latest first."""
    after = None
    if cursor is not None:
        until, name = read_cursor(_LIST_KEY, cursor, 2)
        after = str(until), str(name)
    items = await list_sessions(database, limit + 1, after)
    next_cursor = None
    if len(items) > limit:
        last = items[limit - 1]
        next_cursor = write_cursor(_LIST_KEY, [last["until"], last["session"]])
    return page_response(request, items[:limit], next_cursor)


@router.get(
    "/builds/sessions/{session:path}",
    response_model=BuildSession,
    responses=problem_responses(400, 404, 422),
)
async def read_build_session(
    database: DatabaseDep,
    session: Annotated[str, Path(max_length=1000, description="The session.", examples=[_EXAMPLE])],
    previous: Annotated[
        str | None,
        Query(
            max_length=1000,
            description="The session to compare with, instead of the latest earlier one that built"
            " a root of this one.",
        ),
    ] = None,
) -> Response:
    """Read what one run of Spack built, failed roots first, and what each failure prevented."""
    return json_response(await read_session(database, session, previous))
