"""Uploads: a file as the body of a request, or as the only file of a form."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message

from api.http.errors import ProblemError
from api.http.json_body import refuse_stated_size

FORM: dict[str, Any] = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
        }
    }
}
"""The OpenAPI description of a form with a file."""

_CHUNK = 2**20
_MAX_FORM_OVERHEAD = 2**16  # boundaries, headers and other fields of a form


def content_type(request: Request) -> str:
    """Return the media type of the body, without parameters, in lower case; or an empty text."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def open_upload(
    request: Request, max_bytes: int, setting: str
) -> AsyncIterator[tuple[AsyncIterator[bytes], str | None]]:
    """Yield the bytes of an upload, and the name of the file if a form has one.

    Raise a 400 when the form contains no file or several. Raise a 413 when there are more than
    `max_bytes`, which the environment variable `setting` determines: for a form here, while it is
    being received; for a body when its bytes are read.
    """
    too_large = ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        "Too large",
        f"An upload may have at most {max_bytes} bytes ({setting}).",
    )
    if content_type(request) != "multipart/form-data":
        yield _limited(request, max_bytes, too_large).stream(), None
        return
    limited = _limited(request, max_bytes + _MAX_FORM_OVERHEAD, too_large)
    async with limited.form(max_files=1, max_fields=10) as form:
        file = _file(form)
        if file.size is not None and file.size > max_bytes:
            raise too_large
        name = (file.filename or "").rpartition("/")[2][:255]
        yield _chunks(file), name or None


def _limited(request: Request, max_bytes: int, too_large: ProblemError) -> Request:
    """Return the request with a body that raises the error as soon as it is too large."""
    refuse_stated_size(request, max_bytes, too_large)
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > max_bytes:
            raise too_large
        return message

    return Request(request.scope, receive)


def _file(form: FormData) -> UploadFile:
    for value in form.values():
        if isinstance(value, UploadFile):
            return value
    raise ProblemError(
        HTTPStatus.BAD_REQUEST, "no-file", "Nothing was sent", "The form contains no file."
    )


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk
