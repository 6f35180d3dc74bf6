"""Why an embedded server has ended or does not start: its log, and the space on its disk."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from models.embedded.directory import ServerDirectory
from models.errors import ServerError, ServerFullError

FULL_DISK = (
    "the disk of CASELEDGER_HOME is full: free some space on it, or move the directory to a larger"
    " disk and set CASELEDGER_HOME"
)

_MIN_FREE_BYTES = 2**20
_NO_SPACE = ("No space left on device", "Disk quota exceeded")
_TAIL_BYTES = 2**17


def failure_of(directory: ServerDirectory, event: str) -> ServerError:
    """Return the error that something happened to the server, with the reason as far as known.

    `event` is how the text begins, for example "the embedded server did not start".
    """
    reason = FULL_DISK if has_full_disk(directory) else _reason(directory)
    text = f"{event}{': ' if reason else ''}{reason} (see {directory.log})"
    return ServerFullError(text) if reason == FULL_DISK else ServerError(text)


def has_full_disk(directory: ServerDirectory) -> bool:
    """Return whether the disk of the server is full, or its last run says that it was."""
    try:
        if shutil.disk_usage(directory.root).free < _MIN_FREE_BYTES:
            return True
    except OSError:
        return False
    reason = _reason(directory)
    return any(text in reason for text in _NO_SPACE)


def _reason(directory: ServerDirectory) -> str:
    """Return the last errors in the log of mongod and at the end of its output, on one line."""
    errors = list(_logged_errors(directory.log))
    output = [line for line in _tail(directory.output) if not line.startswith("{")]
    return " / ".join(" ".join(text.split()) for text in (*errors[-3:], *output[-5:]))


def _logged_errors(log: Path) -> Iterator[str]:
    for line in _tail(log)[-200:]:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("s") in {"E", "F"}:
            attributes = entry.get("attr", {})
            details = (attributes.get("error"), attributes.get("message"))
            yield " ".join(str(text) for text in (entry.get("msg"), *details) if text)


def _tail(path: Path) -> list[str]:
    """Return the last lines of a file that may be very long."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
