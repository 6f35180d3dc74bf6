"""The watch of a user over the embedded server: when it ends, it is started again."""

import logging
import threading
from types import TracebackType
from typing import Self

from models.embedded.directory import ServerDirectory
from models.embedded.failures import failure_of
from models.embedded.locks import FileLock, is_held
from models.embedded.start import start_server
from models.errors import ServerError
from models.settings import Settings

_LOG = logging.getLogger("caseledger.database")

_LOOK_SECONDS = 0.25
_MAX_PAUSE_SECONDS = 2.0


class ServerWatch:
    """A thread that starts the server again when it has ended although it is used.

    Whatever has killed mongod, its supervisor or both: `keeper.lock` is free then. Several users
    may watch the server: `start.lock` decides who starts it. Attempts go on for as long as somebody
    watches, with pauses that grow to two seconds.
    """

    def __init__(self, directory: ServerDirectory, settings: Settings) -> None:
        self._directory = directory
        self._settings = settings
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="server-watch", daemon=True)
        self._failures = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(min(_MAX_PAUSE_SECONDS, _LOOK_SECONDS * 2**self._failures)):
            try:
                self._start_if_ended()
            except (ServerError, OSError) as error:
                self._failures += 1
                if self._failures == 1:
                    _LOG.error("%s; this is tried again until it works", error)
            else:
                self._failures = 0

    def _start_if_ended(self) -> None:
        with FileLock(self._directory.start_lock) as start:
            if not start.try_acquire_exclusive() or is_held(self._directory.supervisor_lock):
                return  # somebody is starting it, or it runs
            if not self._failures:
                _LOG.warning("%s", failure_of(self._directory, "the embedded server has ended"))
            start_server(self._directory, self._settings, self._ending.is_set)
        _LOG.warning("the embedded server runs again")
