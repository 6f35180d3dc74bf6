"""The service in a separate process, so that its memory can be measured alone."""

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

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_TIMEOUT_SECONDS = 600.0


class Service:
    """A client of a running service."""

    def __init__(self, pid: int, port: int, token: str | None) -> None:
        self.pid, self.port = pid, port
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    @contextmanager
    def response(
        self, method: str, path: str, body: Iterable[bytes] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Yield the response, still to be read; raise RuntimeError for an error status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS)
        with closing(connection):
            connection.request(method, path, body, self._headers)
            response = connection.getresponse()
            if response.status >= http.client.BAD_REQUEST:
                content = response.read().decode()
                raise RuntimeError(f"{method} {path}: {response.status} {content}")
            yield response

    def request_json(self, method: str, path: str, body: Iterable[bytes] | None = None) -> Any:
        """Return the JSON of the response; raise RuntimeError for an error status."""
        with self.response(method, path, body) as response:
            return json.loads(response.read())

    def is_ready(self) -> bool:
        """Return whether the service accepts requests and can reach its database."""
        try:
            self.request_json("GET", "/readyz")
        except (OSError, http.client.HTTPException, RuntimeError):
            return False
        return True

    def peak_mib(self) -> float:
        """Return the largest resident memory of the service so far, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


@contextmanager
def running_service(settings: Settings, token: str | None = None) -> Iterator[Service]:
    """Run `caseledger serve` on the database of the settings, and stop it at the end.

    Raise RuntimeError when the service does not start.
    """
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", str(port)],
        env=environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        service = Service(process.pid, port, token)
        _wait_for(service, process)
        yield service
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a command that uses the database of the settings.

    A MongoDB server that this process may name in its own environment is left out.
    """
    inherited = {
        name: value for name, value in os.environ.items() if "MONGODB_URL" not in name.upper()
    }
    url = settings.mongodb_url
    own = {} if url is None else {"CASELEDGER_MONGODB_URL": url.get_secret_value()}
    return (
        inherited
        | own
        | {
            "CASELEDGER_HOME": str(settings.home),
            "CASELEDGER_DATABASE": settings.database,
            "CASELEDGER_LOG_FORMAT": "json",
        }
    )


def _wait_for(service: Service, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not service.is_ready():
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError("the service did not start")
        time.sleep(0.1)
