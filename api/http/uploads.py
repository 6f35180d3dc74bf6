"""Files that are uploaded: as the body of a request, or as the one file of a form."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.types import Message

from api.http.errors import ProblemError

FORM: dict[str, Any] = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
        }
    }
}
"""How the body of a request that is a form is described."""

_CHUNK = 2**20
_AROUND_FILE = 2**16  # boundaries, headers and other fields of a form


def content_type(request: Request) -> str:
    """Return the type that a request states, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def uploaded(
    request: Request, most_bytes: int, setting: str
) -> tuple[AsyncIterator[bytes], str | None]:
    """Return the bytes that are uploaded, and the name of the file if a form tells it.

    A 400 when the form holds no file, or more than one. A 413 when there are more bytes than the
    `setting` allows: of a form now, before all of it is stored; of a body when they are read.
    """
    too_large = ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        "Too large",
        f"An upload has {most_bytes} bytes at most ({setting}).",
    )
    if content_type(request) != "multipart/form-data":
        return _limited(request, most_bytes, too_large).stream(), None
    file = await _file(_limited(request, most_bytes + _AROUND_FILE, too_large))
    if file.size is not None and file.size > most_bytes:
        await file.close()
        raise too_large
    name = (file.filename or "").rpartition("/")[2][:255]
    return _chunks(file), name or None


def _limited(request: Request, most_bytes: int, too_large: ProblemError) -> Request:
    """Return the request with a body that is broken off by an error where it is too large."""
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > most_bytes:
            raise too_large
        return message

    return Request(request.scope, receive)


async def _file(request: Request) -> UploadFile:
    form = await request.form(max_files=1, max_fields=10)
    for value in form.values():
        if isinstance(value, UploadFile):
            return value
    raise ProblemError(
        HTTPStatus.BAD_REQUEST, "no-file", "Nothing was sent", "The form holds no file."
    )


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    try:
        while chunk := await file.read(_CHUNK):
            yield chunk
    finally:
        await file.close()
