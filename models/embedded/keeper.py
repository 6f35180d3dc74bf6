"""The supervisor: the small process that owns the embedded mongod and stops it after its last user.

    user A ──┐ shared              waits for exclusive
             ├───────── users.lock ──────────────────── supervisor ──── mongod
    user B ──┘

Each user of the server holds a shared lock on `users.lock`. The kernel releases it however the user
ends, so the supervisor, which waits for an exclusive lock, wakes up when the last user is gone. The
supervisor itself holds `keeper.lock`. When it is killed, the kernel sends SIGTERM to its mongod.

It runs as a separate program, `python -m models.embedded.keeper`, and needs only the standard
library.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from models.embedded.directory import ServerDirectory, this_host
from models.embedded.locks import FileLock

_STOP_SECONDS = 30
_PATH_IN_USE_SECONDS = 30
_POLL_SECONDS = 0.5
_LOCK_ATTEMPTS = 20
_PR_SET_PDEATHSIG = 1


class Supervisor:
    """Runs one mongod for as long as it has users."""

    def __init__(self, directory: ServerDirectory, command: list[str], socket_path: str) -> None:
        self._directory = directory
        self._command = command
        self._socket_path = socket_path
        self._stopping = threading.Event()

    def run(self) -> int:
        """Run mongod until it or its last user ends; return the exit status."""
        self._wait_for_predecessor()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        mongod = self._start()
        self._directory.write_state(
            {
                "keeper": os.getpid(),
                "mongod": mongod.pid,
                "host": this_host(),
                "socket": self._socket_path,
                "startedAt": time.time(),
            }
        )
        threading.Thread(target=self._watch_users, daemon=True).start()
        threading.Thread(target=self._watch_server, args=(mongod,), daemon=True).start()
        self._wait(mongod)
        has_ended = mongod.poll() is not None
        self._stop(mongod)
        if not has_ended:
            # Otherwise it comes back under this address: see `models.embedded.watch`.
            self._directory.forget_state()
        return 0

    def _wait(self, mongod: "subprocess.Popen[bytes]") -> None:
        """Wait until it is time to stop; end a mongod whose socket was removed.

        Nobody can connect to it any more, as when somebody has cleaned the temporary directory. Who
        uses it starts it again.
        """
        was_open = False
        while not self._stopping.wait(_POLL_SECONDS):
            is_open = Path(self._socket_path).exists()
            if was_open and not is_open:
                mongod.terminate()
            was_open = is_open

    def _on_signal(self, number: int, _frame: object) -> None:
        if number == signal.SIGTERM:
            self._stopping.set()

    def _wait_for_predecessor(self) -> None:
        """Wait while the mongod of a killed supervisor is still closing its files."""
        deadline = time.monotonic() + _PATH_IN_USE_SECONDS
        with FileLock(self._directory.data / "mongod.lock") as lock:
            while not lock.try_acquire_exclusive() and time.monotonic() < deadline:
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
            lock.acquire_exclusive()
            if not self._directory.should_stay(self._socket_path):
                self._directory.forget_linger()
                # The lock stays held: new users wait until the server has stopped.
                self._stopping.set()
                return
            lock.release()
            time.sleep(_POLL_SECONDS)

    def _stop(self, mongod: "subprocess.Popen[bytes]") -> None:
        mongod.terminate()
        try:
            mongod.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            mongod.kill()
            mongod.wait()
        with suppress(OSError):
            shutil.rmtree(Path(self._socket_path).parent)


def _stop_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _acquire(lock: FileLock) -> bool:
    """Acquire the lock; those who only ask whether it is held have it for a moment."""
    for _ in range(_LOCK_ATTEMPTS):
        if lock.try_acquire_exclusive():
            return True
        time.sleep(0.01)
    return False


def main(arguments: list[str]) -> int:
    """Supervise one server in the background; the arguments are `ROOT SOCKET COMMAND…`.

    The supervisor is a child process, which holds `keeper.lock` as long as it lives. Return its
    exit status in the child, and 0 at once in the parent, or 3 when another supervisor holds the
    lock.
    """
    root, socket_path, *command = arguments
    directory = ServerDirectory(Path(root))
    with FileLock(directory.supervisor_lock) as lock:
        if not _acquire(lock):
            return 3
        if os.fork():
            return 0
        return Supervisor(directory, command, socket_path).run()


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
