"""The files of an embedded server, and the state that they record."""

import json
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_LINGER_SECONDS = 86400
_CONNECTED = "03"  # SS_CONNECTED in the column `St` of /proc/net/unix


class ServerDirectory:
    """The files of one embedded server, below a directory that only its owner can enter.

    root/
    ├── data/          the database files
    ├── mongod.log     the log of mongod; that of the run before is mongod.log.1
    ├── mongod.out     its standard output and error
    ├── users.lock     held shared by each user of the server
    ├── start.lock     held by the user that starts the server
    ├── keeper.lock    held by the supervisor
    ├── server.json    the state that the supervisor writes
    └── linger         until when to wait for connections, seconds since the epoch
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.log = root / "mongod.log"
        self.output = root / "mongod.out"
        self.users_lock = root / "users.lock"
        self.start_lock = root / "start.lock"
        self.supervisor_lock = root / "keeper.lock"
        self._state = root / "server.json"
        self._linger = root / "linger"

    def create(self) -> None:
        """Create the directories that do not exist yet."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.data.mkdir(exist_ok=True, mode=0o700)

    def set_log_aside(self) -> None:
        """Rename the log of the previous run, replacing that of the run before it."""
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))

    def read_state(self) -> dict[str, Any] | None:
        """Return the state that the supervisor wrote last, or None."""
        try:
            state: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return state

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace the state atomically."""
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps(state), encoding="utf-8")
        draft.replace(self._state)

    def forget_state(self) -> None:
        """Remove the state: no server runs."""
        self._state.unlink(missing_ok=True)

    def linger_until(self, moment: float) -> None:
        """Ask the supervisor to wait for connections until `moment`, seconds since the epoch.

        A later moment that was set before remains.
        """
        self._linger.write_text(str(max(moment, self.lingers_until())), encoding="utf-8")

    def lingers_until(self) -> float:
        """Return until when the server waits for connections, seconds since the epoch, or 0."""
        try:
            return float(self._linger.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0.0

    def should_stay(self, socket_path: str) -> bool:
        """Return whether a server without users keeps running.

        It does while it lingers, and after that while clients are connected.
        """
        until = self.lingers_until()
        is_early = time.time() < until <= time.time() + MAX_LINGER_SECONDS  # or the clock was set
        return until > 0 and (is_early or connection_count(socket_path) > 0)

    def forget_linger(self) -> None:
        """Let the server stop with its last user."""
        self._linger.unlink(missing_ok=True)


def this_host() -> str:
    """Return the name by which the state of a server identifies this machine."""
    return socket.gethostname()


def connection_count(socket_path: str) -> int:
    """Return how many clients are connected to a Unix socket of this machine; 0 but on Linux."""
    try:
        lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    return sum(
        1
        for fields in (line.split(None, 7) for line in lines[1:])
        if len(fields) == 8 and fields[7] == socket_path and fields[5] == _CONNECTED
    )
