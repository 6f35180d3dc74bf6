"""The server as a process: how it stops, what it logs, and how it lives through a lost MongoDB."""

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.database.replica_set import make_primary
from models.embedded.program import find_mongod
from models.settings import Settings
from tests.support.processes import free_port, request, serving, wait_for

QUERY = b'{"field": "machine", "value": "chrysalis"}'


def is_refused(port: int) -> bool:
    try:
        request(port, "/livez")
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.slow
def test_requests_that_are_under_way_are_answered_before_the_end(
    settings: Settings, tmp_path: Path
) -> None:
    own = {"HOME": str(settings.home), "DATABASE": settings.database}
    with serving(tmp_path, **own, LOG_FORMAT="json", DRAIN_SECONDS="4") as (process, port):
        slow = socket.create_connection(("127.0.0.1", port), timeout=20)
        slow.sendall(
            b"POST /api/v1/query?secret=hunter2 HTTP/1.1\r\nHost: x\r\n"
            b"X-Request-Id: slow-request\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(QUERY)
        )
        slow.sendall(QUERY[:10])
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: request(port, "/readyz")[0] == 503, 3.5)
        assert request(port, "/api/v1/cases")[0] in (200, 400)
        wait_for(lambda: is_refused(port))
        slow.sendall(QUERY[10:])
        answer = slow.recv(65536)
        slow.close()
        assert process.wait(timeout=20) == 0
    assert b" 400 " in answer.split(b"\r\n")[0] or b" 200 " in answer.split(b"\r\n")[0]
    text = (tmp_path / "log").read_text()
    assert "hunter2" not in text
    lines = [json.loads(line) for line in text.splitlines()]  # nothing else is written
    (line,) = [line for line in lines if line.get("requestId") == "slow-request"]
    assert line["route"] == "/api/v1/query"
    failed = {one["route"] for one in lines if one.get("status", 0) >= 500}
    assert failed == {"/readyz"}


@pytest.mark.slow
def test_no_request_fails_under_load_when_the_service_stops(
    settings: Settings, tmp_path: Path
) -> None:
    own = {"HOME": str(settings.home), "DATABASE": settings.database}
    statuses: list[int] = []
    is_taken_out = threading.Event()  # as a load balancer does that looks at /readyz
    with serving(tmp_path, **own, DRAIN_SECONDS="3") as (process, port):

        def ask() -> None:
            while not is_taken_out.is_set():
                statuses.append(request(port, "/api/v1/cases")[0])

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(statuses) > 10)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: request(port, "/readyz")[0] == 503)
        before = len(statuses)
        wait_for(lambda: len(statuses) > before + 4)
        is_taken_out.set()
        for thread in threads:
            thread.join(timeout=20)
        assert process.wait(timeout=20) == 0
    assert set(statuses) == {200}


@contextmanager
def mongod(directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [find_mongod(Settings()), "--dbpath", str(directory), "--port", str(port),
         "--bind_ip", "127.0.0.1", "--replSet", "caseledger", "--nounixsocket",
         "--wiredTigerCacheSizeGB", "0.25"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert make_primary(
            f"mongodb://127.0.0.1:{port}/?directConnection=true", f"127.0.0.1:{port}", 30
        )
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_the_service_recovers_by_itself_when_mongodb_was_killed(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    url = f"mongodb://127.0.0.1:{port}/?replicaSet=caseledger"
    own = {"MONGODB_URL": url, "DATABASE_TIMEOUT_SECONDS": "3"}
    with mongod(data, port) as first, serving(tmp_path, **own) as (_, service):
        assert request(service, "/api/v1/cases")[0] == 200
        first.kill()
        first.wait()
        wait_for(lambda: request(service, "/readyz")[0] == 503, 5)
        status, problem = request(service, "/api/v1/cases")
        assert status == 503
        assert problem["type"].endswith("database-unavailable")
        assert request(service, "/livez")[0] == 200
        with mongod(data, port):
            wait_for(lambda: request(service, "/api/v1/cases")[0] == 200, 10)
