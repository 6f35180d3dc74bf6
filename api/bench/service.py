"""Exports from a service that runs as a process of its own, and the memory that it takes."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from api.routes import API_PREFIX
from models.settings import Settings

_STARTS_WITHIN = 60.0
_PATIENCE = 600.0
_PIECE = 2**20


def measure_exports(settings: Settings, database: str) -> dict[str, Any]:
    """Return the peak of resident memory in MiB before and after each export of all executions."""
    with _service(settings, database) as (pid, port):
        figures: dict[str, Any] = {"idleMiB": _peak(pid)}
        for form in ("ndjson", "csv"):
            began = time.perf_counter()
            lines, size = _export(port, form)
            figures[form] = {
                "lines": lines,
                "bytes": size,
                "seconds": time.perf_counter() - began,
                "peakMiB": _peak(pid),
            }
        return figures


@contextmanager
def _service(settings: Settings, database: str) -> Iterator[tuple[int, int]]:
    """Run `caseledger serve` on a database of the embedded server; give its pid and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    own = {"CASELEDGER_HOME": str(settings.home), "CASELEDGER_DATABASE": database}
    others = {name: value for name, value in os.environ.items() if "MONGODB_URL" not in name}
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", str(port)],
        env={**others, **own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    until = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < until:
        with suppress(OSError, http.client.HTTPException), _answer(port, "/readyz") as answer:
            if answer.status == http.client.OK:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


def _export(port: int, form: str) -> tuple[int, int]:
    """Return how many lines and bytes the export of all executions has."""
    lines = size = 0
    with _answer(port, f"{API_PREFIX}/executions?format={form}") as answer:
        assert answer.status == http.client.OK, answer.read()
        while piece := answer.read(_PIECE):
            lines += piece.count(b"\n")
            size += len(piece)
    return lines, size


@contextmanager
def _answer(port: int, path: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    with closing(connection):
        connection.request("GET", path)
        yield connection.getresponse()


def _peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
