"""The embedded MongoDB: a private mongod that concurrent commands share.

The first command starts it and the last one stops it: see `models.embedded.keeper`. Those that have
opened a database watch it in the meantime: see `models.embedded.watch`.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from models.embedded.directory import ServerDirectory, connection_count, this_host
from models.embedded.failures import FULL_DISK, has_full_disk
from models.embedded.locks import FileLock, is_held
from models.embedded.start import running_socket, socket_uri, start_server, state_here
from models.embedded.watch import ServerWatch
from models.errors import ServerError
from models.settings import Settings


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
                socket_path = running_socket(directory) or start_server(directory, settings)
            yield socket_uri(socket_path, settings.database)
        finally:
            _stop_if_last(directory, users)


@contextmanager
def watched_server(settings: Settings) -> Iterator[str]:
    """Do the same, and start the server again, under the same address, when it ends by itself."""
    with embedded_server(settings) as uri, ServerWatch(server_directory(settings), settings):
        yield uri


def linger(settings: Settings, seconds: float) -> None:
    """Let the server outlive its last user for `seconds`, and while any client is connected."""
    if seconds > 0:
        server_directory(settings).linger_until(time.time() + seconds)


def server_status(settings: Settings) -> ServerStatus:
    """Return the state of the embedded server without starting it.

    Raise ServerError when it runs on another machine.
    """
    directory = server_directory(settings)
    state = state_here(directory) if is_held(directory.supervisor_lock) else None
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


def full_disk(settings: Settings) -> str | None:
    """Return what to do about the full disk of the embedded server, or None.

    It is None also when another server is used.
    """
    is_full = settings.is_embedded and has_full_disk(server_directory(settings))
    return FULL_DISK if is_full else None


def _create(directory: ServerDirectory) -> None:
    try:
        directory.create()
    except OSError as error:
        raise ServerError(f"CASELEDGER_HOME cannot be used: {error}") from error


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
