"""`If-Match`: an edit says which revision of a document it changes."""

from http import HTTPStatus

from fastapi import Request

from api.cases.queries import read_revision
from api.http.errors import ProblemError
from api.http.responses import entity_tag
from models.database.client import Database


async def matched_revision(request: Request, database: Database, case_id: str) -> int | None:
    """Return the revision of a case that the client has seen, which has to be the present one.

    It is told by the entity tag of `GET /cases/{caseId}`; `*` is any, which is None. 428 without
    one, 412 with another one.
    """
    given = request.headers.get("if-match")
    if given is None:
        raise ProblemError(
            HTTPStatus.PRECONDITION_REQUIRED,
            "precondition-required",
            "If-Match is needed",
            "Send the ETag of the case as you read it, so that nobody's edit is lost.",
        )
    revision = await read_revision(database, case_id)
    tags = {tag.strip() for tag in given.split(",")}
    if "*" in tags:
        return None
    if entity_tag(case_id, revision) not in tags:
        raise outdated(f"The case has changed since; it is at revision {revision}.")
    return revision


def outdated(detail: str) -> ProblemError:
    """Return the error that a document is no longer the one that was read."""
    return ProblemError(
        HTTPStatus.PRECONDITION_FAILED, "outdated", "It has changed meanwhile", detail
    )
