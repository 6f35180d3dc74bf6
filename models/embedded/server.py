"""The embedded MongoDB: a private mongod that concurrent commands share.

The first command starts it and the last one stops it: see `models.embedded.keeper`.
"""

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from models.database.replica_set import make_primary
from models.embedded.directory import ServerDirectory, connection_count, this_host
from models.embedded.locks import FileLock, is_held
from models.embedded.program import find_mongod, mongod_command
from models.errors import ServerError
from models.settings import Settings

_PORT = 27017  # only a part of the name of the replica set member: no TCP port is opened
_START_SECONDS = 60.0
_MAX_SOCKET_DIRECTORY = 80  # bytes; the path of a socket has at most 107


@dataclass(frozen=True)
class ServerStatus:
    """The state of the embedded server; `connections` counts its clients on this machine.

    `caseledger db status` prints the fields under these names.
    """

    running: bool
    uri: str | None
    mongod_pid: int | None
    keeper_pid: int | None
    connections: int
    directory: str


def server_directory(settings: Settings) -> ServerDirectory:
    """Return the directory of the embedded server of these settings."""
    return ServerDirectory(settings.home.expanduser().absolute() / "mongod")


@contextmanager
def embedded_server(settings: Settings) -> Iterator[str]:
    """Yield the connection string of the embedded server, which is started unless it runs.

    At the end, stop it when nobody else uses it. Raise ServerError when it cannot be used.
    """
    directory = server_directory(settings)
    _create(directory)
    with FileLock(directory.users_lock) as users:
        users.acquire_shared()
        try:
            with FileLock(directory.start_lock) as start:
                start.acquire_exclusive()
                socket_path = _running_socket(directory) or _start(directory, settings)
            yield socket_uri(socket_path, settings.database)
        finally:
            _stop_if_last(directory, users)


def linger(settings: Settings, seconds: float) -> None:
    """Let the server outlive its last user for `seconds`, and while any client is connected."""
    if seconds > 0:
        server_directory(settings).linger_until(time.time() + seconds)


def server_status(settings: Settings) -> ServerStatus:
    """Return the state of the embedded server without starting it.

    Raise ServerError when it runs on another machine.
    """
    directory = server_directory(settings)
    state = _state_here(directory) if is_held(directory.supervisor_lock) else None
    if state is None:
        return ServerStatus(False, None, None, None, 0, str(directory.root))
    return ServerStatus(
        running=True,
        uri=socket_uri(state["socket"], settings.database),
        mongod_pid=state["mongod"],
        keeper_pid=state["keeper"],
        connections=connection_count(state["socket"]),
        directory=str(directory.root),
    )


def socket_uri(socket_path: str, database: str = "") -> str:
    """Return the connection string of a database of the server on a Unix socket."""
    return f"mongodb://{quote(socket_path, safe='')}/{quote(database)}?directConnection=true"


def _create(directory: ServerDirectory) -> None:
    try:
        directory.create()
    except OSError as error:
        raise ServerError(f"CASELEDGER_HOME cannot be used: {error}") from error


def _state_here(directory: ServerDirectory) -> dict[str, Any] | None:
    """Return the state of the server; ServerError when it runs on another machine."""
    state = directory.read_state()
    if state is not None and state["host"] != this_host():
        raise ServerError(
            f"the embedded server of {directory.root} runs on {state['host']}; use it"
            " there, or set another CASELEDGER_HOME"
        )
    return state


def _running_socket(directory: ServerDirectory) -> str | None:
    """Return the socket of the running server, or None when one has to be started."""
    deadline = time.monotonic() + _START_SECONDS
    while is_held(directory.supervisor_lock):
        state = _state_here(directory)
        if state is not None:
            is_ready = _is_ready(state["socket"], seconds=1)
            # The mongod of a supervisor that was killed since may still answer.
            if is_ready and is_held(directory.supervisor_lock):
                return str(state["socket"])
        if time.monotonic() > deadline:
            raise ServerError(f"the embedded server does not answer; {_recent_errors(directory)}")
        time.sleep(0.05)
    return None


def _start(directory: ServerDirectory, settings: Settings) -> str:
    """Start the server; return its socket once it is ready."""
    mongod = find_mongod(settings)
    socket_path = str(_socket_directory(directory.root) / "mongod.sock")
    directory.forget_state()
    directory.forget_linger()
    command = mongod_command(mongod, directory, socket_path, _PORT, settings.mongod_cache_gb)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "models.embedded.keeper",
            str(directory.root),
            socket_path,
            *command,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
        check=False,
    )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if directory.read_state() is not None and _is_ready(socket_path, seconds=1):
            return socket_path
        if not is_held(directory.supervisor_lock):
            raise ServerError(f"the embedded server did not start; {_recent_errors(directory)}")
        time.sleep(0.02)
    raise ServerError(f"the embedded server did not start in time; {_recent_errors(directory)}")


def _is_ready(socket_path: str, seconds: float) -> bool:
    return make_primary(socket_uri(socket_path), f"{socket_path}:{_PORT}", seconds)


def _stop_if_last(directory: ServerDirectory, users: FileLock) -> None:
    """Stop the server if nobody else uses it; return when it has stopped or stays for others.

    A server on another machine is left alone: its process ids mean something else here.
    """
    if not users.try_acquire_exclusive():
        # The supervisor may be the one that holds the lock: then wait until it has stopped.
        users.acquire_shared()
        return
    state = directory.read_state()
    if state is None or state["host"] != this_host() or not is_held(directory.supervisor_lock):
        return
    if directory.should_stay(state["socket"]):
        return
    with (
        FileLock(directory.supervisor_lock) as supervisor,
        suppress(ProcessLookupError, PermissionError),
    ):
        os.kill(state["keeper"], signal.SIGTERM)
        supervisor.acquire_exclusive()


def _socket_directory(root: Path) -> Path:
    """Return a directory that only this user can enter, with a path short enough for a socket."""
    name = f"caseledger-{os.getuid()}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"
    temporary = Path(tempfile.gettempdir())
    is_short = len(os.fsencode(temporary / name)) <= _MAX_SOCKET_DIRECTORY
    path = (temporary if is_short else Path("/tmp")) / name  # noqa: S108 - checked to be private
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ServerError(f"{path} is not a private directory of this user")
    return path


def _recent_errors(directory: ServerDirectory) -> str:
    """Return the last errors in the log of mongod, for an error message."""
    errors = []
    for line in _tail(directory.log, 200):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("s") in {"E", "F"}:
            detail = entry.get("attr", {}).get("error", "")
            errors.append(f"{entry.get('msg', '')} {detail}".strip())
    output = " ".join(_tail(directory.output, 5))
    return f"{' / '.join(errors[-3:])} {output}".strip() + f" (see {directory.log})"


def _tail(path: Path, lines: int) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []
