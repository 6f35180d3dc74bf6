"""Peak memory of the service for logs and manifests of builds, and the speed of the log parser.

Each log or manifest is sent over REST to a service of its own. The peak memory of that service is
read after its answer.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

from api.bench.scratch_database import temporary_server
from api.bench.service import Service, running_service
from api.http.urls import API_PREFIX
from ingest.builds.logs.report import read_log
from models.connection import open_database
from models.settings import Settings
from models.tokens.store import create_token

_SPEC = "abcdefghijklmnopqrstuvwxyz234567"
_ORDINARY_LINES = "".join(
    f"libtool: compile: gcc -O2 -fPIC -DPIC -c unit{n}.c -o unit{n}.o\n" for n in range(99)
)
_HUNDRED_LINES = (
    f"{_ORDINARY_LINES}unit7.c:12:5: warning: unused variable 'x' [-Wunused-variable]\n".encode()
)
_FIRST_LINES = b"==> p: Executing phase: 'build'\n==> [2026-01-02-03:04:05.500000] 'make'\n"


def measure_builds(mebibytes: Sequence[int], files: Sequence[int]) -> dict[str, Any]:
    """Return the peaks for each size of the log and of the manifest, and the speed of the parser.

    Raise AssertionError when the service reports another size than was sent.
    """
    with temporary_server() as (settings, _):
        token = asyncio.run(_create_token(settings))
        logs = [_send_log(settings, token, size) for size in mebibytes]
        manifests = [_send_manifest(settings, token, number) for number in files]
    parsed = [_parse(size) for size in mebibytes]
    return {
        "logs": logs,
        "logLastToFirst": _ratio(logs, "peakMiB"),
        "manifests": manifests,
        "manifestLastToFirst": _ratio(manifests, "peakMiB"),
        "parser": parsed,
        "parserMiBPerSecond": 1 / parsed[-1]["secondsPerMiB"],
        "parserLastToFirst": _ratio(parsed, "secondsPerMiB"),
    }


def synthetic_log(mebibytes: int) -> Iterator[bytes]:
    """Yield a log of at least this size; one line in a hundred is a warning."""
    yield _FIRST_LINES
    yield from islice(cycle([_HUNDRED_LINES]), -(-mebibytes * 2**20 // len(_HUNDRED_LINES)))


def synthetic_manifest(files: int) -> Iterator[dict[str, Any]]:
    """Yield the entries of a manifest, in the order of their paths."""
    for number in range(files):
        path = f"lib/python3.13/site-packages/package{number // 100:04}/module_{number:06}.py"
        yield {
            "path": path, "type": "file", "mode": 0o100644, "size": number, "hash": f"{number:032}",
        }  # fmt: skip


def _ratio(figures: Sequence[dict[str, Any]], name: str) -> float:
    return float(figures[-1][name] / figures[0][name])


def _parse(mebibytes: int) -> dict[str, Any]:
    began = time.perf_counter()
    report = read_log(synthetic_log(mebibytes))
    seconds = time.perf_counter() - began
    return {
        "mebibytes": mebibytes,
        "lines": report.lines,
        "warnings": report.warnings,
        "secondsPerMiB": seconds / (report.size / 2**20),
    }


def _send_log(settings: Settings, token: str, mebibytes: int) -> dict[str, Any]:
    with running_service(settings, token) as service:
        began = time.perf_counter()
        build = _begin(service, f"log {mebibytes}")
        answer = service.request_json("PUT", f"{build}/log", synthetic_log(mebibytes))
        (log,) = answer["logs"]
        assert log["size"] == sum(map(len, synthetic_log(mebibytes)))
        seconds = time.perf_counter() - began
        return {"mebibytes": mebibytes, "peakMiB": service.peak_mib(), "seconds": seconds}


def _send_manifest(settings: Settings, token: str, files: int) -> dict[str, Any]:
    with running_service(settings, token) as service:
        began = time.perf_counter()
        build = _begin(service, f"manifest {files}")
        lines = (json.dumps(entry).encode() + b"\n" for entry in synthetic_manifest(files))
        answer = service.request_json("PUT", f"{build}/manifest", lines)
        assert answer["manifest"]["fileCount"] == files
        seconds = time.perf_counter() - began
        return {"files": files, "peakMiB": service.peak_mib(), "seconds": seconds}


def _begin(service: Service, key: str) -> str:
    """Report that a build has begun, and return its address."""
    report = {"specHash": _SPEC, "name": "p", "key": key}
    build = service.request_json("POST", f"{API_PREFIX}/builds", [json.dumps(report).encode()])
    return f"{API_PREFIX}/builds/{build['id']}"


async def _create_token(settings: Settings) -> str:
    async with open_database(settings) as database:
        _, token = await create_token(database, "bench", ["ingest", "read"], "bench", None)
        return token
