"""The header `If-Match`: an edit names the state of the document that the client has read."""

from http import HTTPStatus

from fastapi import Request

from api.http.errors import ProblemError


def if_match_tags(request: Request, kind: str) -> set[str]:
    """Return the entity tags of `If-Match`; raise a 428 when the header is missing.

    `kind` is the kind of document that the client edits, such as `case`.
    """
    header = request.headers.get("if-match")
    if header is None:
        raise ProblemError(
            HTTPStatus.PRECONDITION_REQUIRED,
            "precondition-required",
            "If-Match is needed",
            f"Send the ETag that you got with the {kind}, so that no edit is lost.",
        )
    return {tag.strip() for tag in header.split(",")}


def require_match(tags: set[str], current_tag: str, detail: str) -> None:
    """Raise a 412 with `detail` unless one of the tags is the current one, or `*`."""
    if tags.isdisjoint({"*", current_tag}):
        raise outdated(detail)


def outdated(detail: str) -> ProblemError:
    """Return the error that a document has changed since the client read it."""
    return ProblemError(
        HTTPStatus.PRECONDITION_FAILED, "outdated", "It has changed in the meantime", detail
    )
