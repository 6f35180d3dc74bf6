"""Why an embedded server has ended or does not start: its log, and the space on its disk."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.embedded.directory import ServerDirectory
from models.errors import ServerError, ServerFullError

FULL_DISK = (
    "the disk of CASELEDGER_HOME is full: free some space on it, or move the directory to a larger"
    " disk and set CASELEDGER_HOME"
)

_MIN_FREE_BYTES = 2**23  # what a start writes before it serves anybody
_NO_SPACE = (b"No space left on device", b"Disk quota exceeded", b'"error":28,')
_TAIL_BYTES = 2**18
_MAX_REASON = 500


def failure_of(directory: ServerDirectory, event: str) -> ServerError:
    """Return the error that something happened to the server, with the reason as far as known.

    `event` is how the text begins, for example "the embedded server did not start".
    """
    if has_full_disk(directory):
        return ServerFullError(f"{event}: {FULL_DISK}")
    reason = _reason(directory)[:_MAX_REASON]
    return ServerError(f"{event}{': ' if reason else ''}{reason} (see {directory.log})")


def check_space(directory: ServerDirectory) -> None:
    """Raise ServerFullError when the disk is full: a start would fail and use up what is left."""
    if _is_full(directory.root):
        raise ServerFullError(f"the embedded server cannot be started: {FULL_DISK}")


def has_full_disk(directory: ServerDirectory) -> bool:
    """Return whether the disk of the server is full, or was in its last run as its log says."""
    return _is_full(directory.root) or any(text in _tail(directory.log) for text in _NO_SPACE)


def _is_full(directory: Path) -> bool:
    try:
        return shutil.disk_usage(directory).free < _MIN_FREE_BYTES
    except OSError:
        return False


def _reason(directory: ServerDirectory) -> str:
    """Return the last errors in the log of mongod and at the end of its output, on one line."""
    errors = list(_errors(_lines(directory.log)))
    output = [line for line in _lines(directory.output) if not line.startswith("{")]
    return " / ".join(" ".join(text.split()) for text in (*errors[-3:], *output[-5:]))


def _errors(lines: list[str]) -> Iterator[str]:
    """Yield the errors in the lines of a log, without the stacks of calls."""
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("s") in {"E", "F"} and not entry["msg"].startswith(("BACKTRACE", "Frame")):
            attributes: dict[str, Any] = entry.get("attr", {})
            details = (attributes.get(name) for name in ("error", "message"))
            yield " ".join(str(text) for text in (entry["msg"], *details) if text)


def _lines(path: Path) -> list[str]:
    return _tail(path).decode("utf-8", errors="replace").splitlines()


def _tail(path: Path) -> bytes:
    """Return the end of a file that may be very long."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            return file.read()
    except OSError:
        return b""
