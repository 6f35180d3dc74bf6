"""The files of an embedded server, and what they tell about it."""

import json
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


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

    def is_wanted(self, socket_path: str) -> bool:
        """Tell whether the server goes on without users: while it lingers, and then for clients."""
        until = self.lingers_until()
        return until > 0 and (time.time() < until or connection_count(socket_path) > 0)

    def forget_linger(self) -> None:
        """Let the server stop with its last user."""
        self._linger.unlink(missing_ok=True)


def this_host() -> str:
    """Return the name under which servers of this machine are noted."""
    return socket.gethostname()


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
