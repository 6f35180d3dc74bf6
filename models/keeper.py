"""The keeper: the small process that owns the embedded mongod and stops it after its last user.

Users of the server hold a shared lock on `users.lock`; the kernel releases it however a user
ends, so that the keeper, waiting for an exclusive one, wakes up when the last of them is gone.
The keeper itself holds `keeper.lock`. When it is killed, the kernel tells its mongod to stop.

It runs as a program of its own, `python -m models.keeper`, and needs the standard library alone.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.locks import FileLock

_STOP_SECONDS = 30
_PATH_IN_USE_SECONDS = 30
_POLL_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1


class ServerDirectory:
    """The files of one embedded server, all below one directory that only its owner can enter."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.log = root / "mongod.log"
        self.output = root / "mongod.out"
        self.users_lock = root / "users.lock"
        self.start_lock = root / "start.lock"
        self.keeper_lock = root / "keeper.lock"
        self._state = root / "server.json"
        self._linger = root / "linger"

    def create(self) -> None:
        """Make the directories that are not there yet."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.data.mkdir(exist_ok=True, mode=0o700)

    def set_log_aside(self) -> None:
        """Keep the log of the run before this one, and no older ones."""
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))

    def read_state(self) -> dict[str, Any] | None:
        """Return what the keeper wrote about the server that it started last."""
        try:
            state: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return state

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace the state in one step."""
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps(state), encoding="utf-8")
        draft.replace(self._state)

    def forget_state(self) -> None:
        """Say that no server runs."""
        self._state.unlink(missing_ok=True)

    def linger_until(self, moment: float) -> None:
        """Ask the keeper to wait for connections until `moment`, seconds since the epoch."""
        self._linger.write_text(str(max(moment, self.lingers_until())), encoding="utf-8")

    def lingers_until(self) -> float:
        """Return until when the server is to wait for connections; 0 when it is not to."""
        try:
            return float(self._linger.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0.0

    def forget_linger(self) -> None:
        """Let the server stop with its last user."""
        self._linger.unlink(missing_ok=True)


def mongod_command(
    mongod: str, directory: ServerDirectory, socket_path: str, port: int, cache_gb: float
) -> list[str]:
    """Return the command line of the server: a replica set of one on a private Unix socket."""
    return [
        mongod,
        "--replSet", "caseledger",
        "--dbpath", str(directory.data),
        "--bind_ip", socket_path,
        "--port", str(port),
        "--filePermissions", "0600",
        "--logpath", str(directory.log),
        "--noscripting",
        "--oplogSize", "256",
        "--wiredTigerCacheSizeGB", str(cache_gb),
        "--setParameter", "diagnosticDataCollectionEnabled=false",
    ]  # fmt: skip


def connection_count(socket_path: str) -> int:
    """Return how many clients are connected to a Unix socket of this machine (Linux)."""
    try:
        lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    connected = "03"
    return sum(
        1
        for fields in (line.split(None, 7) for line in lines[1:])
        if len(fields) == 8 and fields[7] == socket_path and fields[5] == connected
    )


class Keeper:
    """Runs one mongod for as long as it has users."""

    def __init__(self, directory: ServerDirectory, command: list[str], socket_path: str) -> None:
        self._directory = directory
        self._command = command
        self._socket_path = socket_path
        self._stopping = threading.Event()

    def run(self) -> int:
        """Start mongod, wait for its end or that of its last user; return the exit status."""
        self._wait_for_predecessor()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        mongod = self._start()
        self._directory.write_state(
            {
                "keeper": os.getpid(),
                "mongod": mongod.pid,
                "host": socket.gethostname(),
                "socket": self._socket_path,
                "startedAt": time.time(),
            }
        )
        threading.Thread(target=self._watch_users, daemon=True).start()
        threading.Thread(target=self._watch_server, args=(mongod,), daemon=True).start()
        while not self._stopping.wait(_POLL_SECONDS):
            pass
        self._stop(mongod)
        self._directory.forget_state()
        return 0

    def _on_signal(self, number: int, _frame: object) -> None:
        if number == signal.SIGTERM:
            self._stopping.set()

    def _wait_for_predecessor(self) -> None:
        """Wait while the mongod of a keeper that was killed is still closing its files."""
        deadline = time.monotonic() + _PATH_IN_USE_SECONDS
        with FileLock(self._directory.data / "mongod.lock") as lock:
            while not lock.try_exclusive() and time.monotonic() < deadline:
                time.sleep(0.1)

    def _start(self) -> "subprocess.Popen[bytes]":
        Path(self._socket_path).unlink(missing_ok=True)
        self._directory.set_log_aside()
        with self._directory.output.open("wb") as output:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_stop_with_parent,
            )

    def _watch_server(self, mongod: "subprocess.Popen[bytes]") -> None:
        mongod.wait()
        self._stopping.set()

    def _watch_users(self) -> None:
        lock = FileLock(self._directory.users_lock)
        while True:
            lock.take_exclusive()
            if not self._is_wanted():
                self._stopping.set()  # and keep newcomers waiting until the server has stopped
                return
            lock.release()
            time.sleep(_POLL_SECONDS)

    def _is_wanted(self) -> bool:
        until = self._directory.lingers_until()
        if not until:
            return False
        if time.time() < until or connection_count(self._socket_path):
            return True
        self._directory.forget_linger()
        return False

    def _stop(self, mongod: "subprocess.Popen[bytes]") -> None:
        mongod.terminate()
        try:
            mongod.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            mongod.kill()
            mongod.wait()
        Path(self._socket_path).unlink(missing_ok=True)
        with suppress(OSError):
            Path(self._socket_path).parent.rmdir()


def _stop_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """Keep one server, in the background: `ROOT SOCKET COMMAND…`.

    Returns at once in the process that was started, with `keeper.lock` held for as long as the
    keeper lives; exits with 3 when another keeper holds it.
    """
    root, socket_path, *command = arguments
    directory = ServerDirectory(Path(root))
    with FileLock(directory.keeper_lock) as lock:
        if not lock.try_exclusive():
            return 3
        if os.fork():
            return 0
        return Keeper(directory, command, socket_path).run()


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
