"""Kills of the embedded server under a service that is written to.

`python -m tests.support.kills 30` kills mongod, its supervisor and both in turn, thirty times.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from models.embedded.server import server_status
from models.settings import Settings
from tests.support.processes import request, serving, wait_for

VICTIMS = (("mongod",), ("keeper",), ("keeper", "mongod"))
_WRITERS = 2


@dataclass
class Kills:
    """What happened: seconds until each recovery, statuses of all writes, and what was lost."""

    seconds: list[float] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    without_retry_after: int = 0
    written: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


def new_token(home: Path) -> str:
    """Return a token that may do everything."""
    command = [sys.executable, "-m", "api.cli", "token", "create", "ada", "--scope", "admin"]
    own = {**os.environ, "CASELEDGER_HOME": str(home)}
    return subprocess.run(command, env=own, check=True, capture_output=True, text=True).stdout


def report_build(port: int, token: str, key: str, extra: str = "") -> tuple[int, bool, str]:
    """Report a build; return the status, whether there is a Retry-After, and the id or detail."""
    body = {"name": "zlib", "version": "1.3", "specHash": "a" * 32, "status": "running"}
    body |= {"key": key, "extra": {"text": extra}}  # type: ignore[dict-item]
    headers = {"Authorization": f"Bearer {token.strip()}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/api/v1/builds", json.dumps(body), headers)
        answer = connection.getresponse()
        document = json.loads(answer.read())
    finally:
        connection.close()
    has_retry_after = "retry-after" in answer.headers
    return answer.status, has_retry_after, document.get("id") or document["detail"]


def kill_under_writes(directory: Path, rounds: int) -> Kills:
    """Kill the server of a service `rounds` times while builds are reported to it."""
    kills, home, is_over = Kills(), directory / "home", threading.Event()
    settings, token = Settings(home=home), new_token(home)
    with serving(directory, HOME=str(home)) as (service, port):

        def write(number: int) -> None:
            count = 0
            while not is_over.is_set():
                count += 1
                status, has_retry_after, text = report_build(port, token, f"{number}-{count}")
                kills.statuses.add(status)
                kills.without_retry_after += status == 503 and not has_retry_after
                if status in {200, 201}:
                    kills.written.append(text)

        writers = [threading.Thread(target=write, args=(n,)) for n in range(_WRITERS)]
        for writer in writers:
            writer.start()
        for number in range(rounds):
            kills.seconds.append(_kill(settings, port, VICTIMS[number % len(VICTIMS)]))
            time.sleep(0.5)
        is_over.set()
        for writer in writers:
            writer.join()
        kills.lost = [
            one for one in kills.written if request(port, f"/api/v1/builds/{one}")[0] != 200
        ]
        last = server_status(settings)
        service.send_signal(signal.SIGTERM)
        service.wait(60)
    kills.left = [pid for pid in (last.keeper_pid, last.mongod_pid) if pid and is_alive(pid)]
    return kills


def _kill(settings: Settings, port: int, victims: tuple[str, ...]) -> float:
    """Kill, and return how many seconds it takes until the service is ready with a new server."""
    status = server_status(settings)
    pids = {"keeper": status.keeper_pid, "mongod": status.mongod_pid}
    began = time.monotonic()
    for victim in victims:
        pid = pids[victim]
        assert pid is not None
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    old = status.mongod_pid
    assert old is not None
    wait_for(lambda: not is_alive(old) and request(port, "/readyz")[0] == 200)
    return time.monotonic() - began


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and is not awaited does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def main() -> None:
    """Kill as often as the argument says, and print what happened."""
    with tempfile.TemporaryDirectory() as directory:
        kills = kill_under_writes(Path(directory), int(sys.argv[1]))
    seconds = ", ".join(f"{one:.1f}" for one in kills.seconds)
    sys.stdout.write(
        f"seconds until ready: {seconds}; at most {max(kills.seconds):.1f}\n"
        f"writes: {len(kills.written)} acknowledged, {len(kills.lost)} of them lost;"
        f" statuses {sorted(kills.statuses)}, {kills.without_retry_after} without Retry-After\n"
        f"processes left: {kills.left}\n"
    )


if __name__ == "__main__":
    main()
