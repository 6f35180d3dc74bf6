"""The memory that a service needs to export all executions."""

import time
from typing import Any

from api.bench.service import Service, running_service
from api.http.urls import API_PREFIX
from models.settings import Settings

_CHUNK_BYTES = 2**20


def measure_exports(settings: Settings, database: str) -> dict[str, Any]:
    """Return the peak resident memory in MiB before and after each export, NDJSON first."""
    with running_service(settings.model_copy(update={"database": database})) as service:
        figures: dict[str, Any] = {"idleMiB": service.peak_mib()}
        for export_format in ("ndjson", "csv"):
            began = time.perf_counter()
            lines, size = _export(service, export_format)
            figures[export_format] = {
                "lines": lines,
                "bytes": size,
                "seconds": time.perf_counter() - began,
                "peakMiB": service.peak_mib(),
            }
        return figures


def _export(service: Service, export_format: str) -> tuple[int, int]:
    """Return the numbers of lines and bytes of the export of all executions."""
    lines = size = 0
    with service.response("GET", f"{API_PREFIX}/executions?format={export_format}") as response:
        while chunk := response.read(_CHUNK_BYTES):
            lines += chunk.count(b"\n")
            size += len(chunk)
    return lines, size
