"""The service as a process."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def request(port: int, path: str, timeout: float = 20) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError, http.client.HTTPException):
            if condition():
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def serving(tmp_path: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    own = {f"CASELEDGER_{name}": value for name, value in settings.items()}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve", "--port", str(port)],
            env={**os.environ, **own},
            stdout=subprocess.DEVNULL,
            stderr=log,
            text=True,
        )
        try:
            wait_for(lambda: request(port, "/readyz")[0] == 200)
            yield process, port
        finally:
            process.kill()
            process.wait()
