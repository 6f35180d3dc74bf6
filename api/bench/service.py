"""A service that runs as a process of its own, whose memory is its own too."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from models.settings import Settings

_STARTS_WITHIN = 60.0
_STOPS_WITHIN = 60.0
_PATIENCE = 600.0


class Service:
    """A running service, and a client of it."""

    def __init__(self, pid: int, port: int, token: str | None) -> None:
        self._pid, self._port = pid, port
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    @contextmanager
    def answer(
        self, method: str, path: str, body: Iterable[bytes] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Give what the service answers, to be read; RuntimeError when that is not a success."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        with closing(connection):
            connection.request(method, path, body, self._headers)
            answer = connection.getresponse()
            if answer.status >= http.client.BAD_REQUEST:
                content = answer.read().decode()
                raise RuntimeError(f"{method} {path}: {answer.status} {content}")
            yield answer

    def ask(self, method: str, path: str, body: Iterable[bytes] | None = None) -> Any:
        """Return the JSON that the service answers."""
        with self.answer(method, path, body) as answer:
            return json.loads(answer.read())

    def is_ready(self) -> bool:
        """Tell whether it takes requests."""
        try:
            self.ask("GET", "/readyz")
        except (OSError, http.client.HTTPException, RuntimeError):
            return False
        return True

    def peak_mib(self) -> float:
        """Return the largest resident memory that it had."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


@contextmanager
def running_service(settings: Settings, token: str | None = None) -> Iterator[Service]:
    """Run `caseledger serve` on a database of the embedded server, and stop it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", str(port)],
        env=_environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        service = Service(process.pid, port, token)
        _wait_for(service, process)
        yield service
    finally:
        process.terminate()
        process.wait(_STOPS_WITHIN)


def _environment(settings: Settings) -> dict[str, str]:
    """Return this environment, without the server that it may name: that one is not measured."""
    others = {
        name: value for name, value in os.environ.items() if "MONGODB_URL" not in name.upper()
    }
    own = {"CASELEDGER_HOME": str(settings.home), "CASELEDGER_DATABASE": settings.database}
    return others | own | {"CASELEDGER_LOG_FORMAT": "json"}


def _wait_for(service: Service, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _STARTS_WITHIN
    while not service.is_ready():
        if time.monotonic() > until or process.poll() is not None:
            raise RuntimeError("the service did not start")
        time.sleep(0.1)
