"""Files that are uploaded: as the body of a request, or as the one file of a form."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from api.errors import ProblemError

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


def content_type(request: Request) -> str:
    """Return the type that a request states, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def uploaded(request: Request) -> tuple[AsyncIterator[bytes], str | None]:
    """Return the bytes that are uploaded, and the name of the file if a form tells it.

    A 400 when the form holds no file, or more than one.
    """
    if content_type(request) != "multipart/form-data":
        return request.stream(), None
    form = await request.form(max_files=1, max_fields=10)
    files = [value for value in form.values() if isinstance(value, UploadFile)]
    if not files:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "no-file", "Nothing was sent", "The form holds no file."
        )
    name = (files[0].filename or "").rpartition("/")[2][:255]
    return _chunks(files[0]), name or None


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    try:
        while chunk := await file.read(_CHUNK):
            yield chunk
    finally:
        await file.close()
