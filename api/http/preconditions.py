"""`If-Match`: an edit names the state of the document that the client has read."""

from http import HTTPStatus

from fastapi import Request

from api.http.errors import ProblemError


def given_tags(request: Request, kind: str) -> set[str]:
    """Return the entity tags of `If-Match`; a 428 when the header is missing.

    `kind` is what the client edits, such as `case`.
    """
    given = request.headers.get("if-match")
    if given is None:
        raise ProblemError(
            HTTPStatus.PRECONDITION_REQUIRED,
            "precondition-required",
            "If-Match is needed",
            f"Send the ETag of the {kind} as you read it, so that nobody's edit is lost.",
        )
    return {tag.strip() for tag in given.split(",")}


def require_match(tags: set[str], current_tag: str, detail: str) -> None:
    """Raise a 412 with `detail` unless one of the tags is the current one, or `*`."""
    if tags.isdisjoint({"*", current_tag}):
        raise outdated(detail)


def outdated(detail: str) -> ProblemError:
    """Return the error that a document is no longer the one that was read."""
    return ProblemError(
        HTTPStatus.PRECONDITION_FAILED, "outdated", "It has changed meanwhile", detail
    )
