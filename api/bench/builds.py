"""How much memory the service takes for the log and the manifest of a build, and how fast logs are.

Each is sent over REST to a service of its own, whose peak is read when it has answered.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

from api.bench.scratch_database import temporary_place
from api.bench.service import Service, running_service
from api.http.urls import API_PREFIX
from ingest.builds.logs.report import read_log
from models.connection import open_database
from models.settings import Settings
from models.tokens.store import create_token

_SPEC = "abcdefghijklmnopqrstuvwxyz234567"
_PLAIN = "".join(
    f"libtool: compile: gcc -O2 -fPIC -DPIC -c unit{n}.c -o unit{n}.o\n" for n in range(99)
)
_PIECE = f"{_PLAIN}unit7.c:12:5: warning: unused variable 'x' [-Wunused-variable]\n".encode()
_OPENING = b"==> p: Executing phase: 'build'\n==> [2026-01-02-03:04:05.500000] 'make'\n"


def measure_builds(mebibytes: Sequence[int], files: Sequence[int]) -> dict[str, Any]:
    """Return peaks in MiB by the size of the log and of the manifest, and the speed of the parser.

    What comes back from the service is as large as what was sent, or this fails.
    """
    with temporary_place() as (settings, _):
        token = asyncio.run(_token(settings))
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


def made_log(mebibytes: int) -> Iterator[bytes]:
    """Give a log of at least this size, of whose lines one in a hundred is a warning."""
    yield _OPENING
    yield from islice(cycle([_PIECE]), -(-mebibytes * 2**20 // len(_PIECE)))


def made_manifest(files: int) -> Iterator[dict[str, Any]]:
    """Give the entries of a manifest, in the order of their paths."""
    for number in range(files):
        path = f"lib/python3.13/site-packages/package{number // 100:04}/module_{number:06}.py"
        yield {
            "path": path, "type": "file", "mode": 0o100644, "size": number, "hash": f"{number:032}",
        }  # fmt: skip


def _ratio(found: Sequence[dict[str, Any]], name: str) -> float:
    return float(found[-1][name] / found[0][name])


def _parse(mebibytes: int) -> dict[str, Any]:
    began = time.perf_counter()
    report = read_log(made_log(mebibytes))
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
        answer = service.ask("PUT", f"{build}/log", made_log(mebibytes))
        (log,) = answer["logs"]
        assert log["size"] == sum(map(len, made_log(mebibytes)))
        seconds = time.perf_counter() - began
        return {"mebibytes": mebibytes, "peakMiB": service.peak_mib(), "seconds": seconds}


def _send_manifest(settings: Settings, token: str, files: int) -> dict[str, Any]:
    with running_service(settings, token) as service:
        began = time.perf_counter()
        build = _begin(service, f"manifest {files}")
        lines = (json.dumps(entry).encode() + b"\n" for entry in made_manifest(files))
        answer = service.ask("PUT", f"{build}/manifest", lines)
        assert answer["manifest"]["fileCount"] == files
        seconds = time.perf_counter() - began
        return {"files": files, "peakMiB": service.peak_mib(), "seconds": seconds}


def _begin(service: Service, key: str) -> str:
    """Report that a build begins; return its address."""
    new = {"specHash": _SPEC, "name": "p", "key": key}
    build = service.ask("POST", f"{API_PREFIX}/builds", [json.dumps(new).encode()])
    return f"{API_PREFIX}/builds/{build['id']}"


async def _token(settings: Settings) -> str:
    async with open_database(settings) as database:
        _, token = await create_token(database, "bench", ["ingest", "read"], "bench", None)
        return token
