"""Starting the embedded server, and waiting until it can be used."""

import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from models.database.replica_set import make_primary
from models.embedded.directory import ServerDirectory, this_host
from models.embedded.failures import check_space, failure_of
from models.embedded.locks import is_held
from models.embedded.program import find_mongod, mongod_command
from models.errors import ServerError
from models.settings import Settings

_PORT = 27017  # only a part of the name of the replica set member: no TCP port is opened
_START_SECONDS = 60.0
_MAX_SOCKET_DIRECTORY = 80  # bytes; the path of a socket has at most 107


def state_here(directory: ServerDirectory) -> dict[str, Any] | None:
    """Return the state of the server; ServerError when it runs on another machine."""
    state = directory.read_state()
    if state is not None and state["host"] != this_host():
        raise ServerError(
            f"the embedded server of {directory.root} runs on {state['host']}; use it"
            " there, or set another CASELEDGER_HOME"
        )
    return state


def running_socket(directory: ServerDirectory) -> str | None:
    """Return the socket of the running server, or None when one has to be started.

    The caller holds `start.lock`.
    """
    deadline = time.monotonic() + _START_SECONDS
    while is_held(directory.supervisor_lock):
        state = state_here(directory)
        if state is not None:
            is_ready = _is_ready(state["socket"], seconds=1)
            # The mongod of a supervisor that was killed since may still answer.
            if is_ready and is_held(directory.supervisor_lock):
                return str(state["socket"])
        if time.monotonic() > deadline:
            raise failure_of(directory, "the embedded server does not answer")
        time.sleep(0.05)
    return None


def start_server(
    directory: ServerDirectory, settings: Settings, give_up: Callable[[], bool] = lambda: False
) -> str:
    """Start the server; return its socket once it is ready, or when `give_up` says so.

    The caller holds `start.lock`. Raise ServerError when it does not start.
    """
    check_space(directory)
    mongod = find_mongod(settings)
    socket_path = _socket_path(directory)
    directory.forget_state()
    directory.forget_linger()
    command = mongod_command(mongod, directory, socket_path, _PORT, settings.mongod_cache_gb)
    _launch_supervisor(directory, socket_path, command)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and not give_up():
        if directory.read_state() is not None and _is_ready(socket_path, seconds=1):
            return socket_path
        if not is_held(directory.supervisor_lock):
            raise failure_of(directory, "the embedded server did not start")
        time.sleep(0.02)
    if give_up():
        return socket_path
    raise failure_of(directory, "the embedded server did not start in time")


def socket_uri(socket_path: str, database: str = "") -> str:
    """Return the connection string of a database of the server on a Unix socket."""
    return f"mongodb://{quote(socket_path, safe='')}/{quote(database)}?directConnection=true"


def _launch_supervisor(directory: ServerDirectory, socket_path: str, command: list[str]) -> None:
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


def _is_ready(socket_path: str, seconds: float) -> bool:
    return make_primary(socket_uri(socket_path), f"{socket_path}:{_PORT}", seconds)


def _socket_path(directory: ServerDirectory) -> str:
    """Return the path of the socket of a server that is about to start.

    It is that of the server before unless that one was stopped: others may use it still, and come
    back to the address that they know.
    """
    state = directory.read_state()
    if state is not None and state["host"] == this_host():
        path = Path(state["socket"])
        try:
            _make_private(path.parent)
        except (ServerError, OSError):
            pass
        else:
            return str(path)
    return str(_socket_directory(directory.root) / "mongod.sock")


def _socket_directory(root: Path) -> Path:
    """Return a directory that only this user can enter, with a path short enough for a socket."""
    name = f"caseledger-{os.getuid()}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"
    temporary = Path(tempfile.gettempdir())
    is_short = len(os.fsencode(temporary / name)) <= _MAX_SOCKET_DIRECTORY
    path = (temporary if is_short else Path("/tmp")) / name  # noqa: S108 - checked to be private
    _make_private(path)
    return path


def _make_private(path: Path) -> None:
    """Create a directory that only this user can enter; ServerError when it exists otherwise."""
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ServerError(f"{path} is not a private directory of this user")
