"""Exports of all executions from a service of its own, and the memory that they take."""

import time
from typing import Any

from api.bench.service import Service, running_service
from api.http.urls import API_PREFIX
from models.settings import Settings

_PIECE = 2**20


def measure_exports(settings: Settings, database: str) -> dict[str, Any]:
    """Return the peak of resident memory in MiB before and after each export of all executions."""
    with running_service(settings.model_copy(update={"database": database})) as service:
        figures: dict[str, Any] = {"idleMiB": service.peak_mib()}
        for form in ("ndjson", "csv"):
            began = time.perf_counter()
            lines, size = _export(service, form)
            figures[form] = {
                "lines": lines,
                "bytes": size,
                "seconds": time.perf_counter() - began,
                "peakMiB": service.peak_mib(),
            }
        return figures


def _export(service: Service, form: str) -> tuple[int, int]:
    """Return how many lines and bytes the export of all executions has."""
    lines = size = 0
    with service.answer("GET", f"{API_PREFIX}/executions?format={form}") as answer:
        while piece := answer.read(_PIECE):
            lines += piece.count(b"\n")
            size += len(piece)
    return lines, size
