"""Worker processes, each with a pipe of its own: if one dies, only its current call is lost.

`ProcessPoolExecutor` gives up all calls when one process dies, and waits forever for the rest of
an answer in the middle of which a process was killed, because the others share the pipe. Pebble's
pool shares one as well, and answers no call after that. Here the end of a process is the end of its
pipe.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_EXIT_SECONDS = 5.0


class WorkerCrashedError(Exception):
    """The process died before it had answered."""


class WorkerPool:
    """At most `jobs` processes, which start with the first calls that need them.

    Each calls `initializer` first. The module `preload` is imported once, in the process that they
    are forked from.
    """

    def __init__(self, jobs: int, initializer: Callable[[], None], preload: str) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([preload])
        self._workers = [_Worker(context, initializer) for _ in range(jobs)]
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        for worker in self._workers:
            self._idle.put_nowait(worker)
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="worker-pipe")

    async def call(self, work: Callable[[T], R], argument: T) -> R:
        """Return what `work(argument)` returns in a process, as soon as one is idle.

        Raise WorkerCrashedError when the process dies, or cannot be started. On cancellation the
        process is killed.
        """
        worker = await self._idle.get()
        worker.begin()
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._threads, worker.call, work, argument)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            worker.cancel()
            await _wait_until_done(answer)
            raise
        finally:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        """End all processes."""
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        for worker in self._workers:
            worker.stop()
        self._threads.shutdown()


async def _wait_until_done(answer: "asyncio.Future[Any]") -> None:
    """Wait for a call whose process has been killed, however often this task is cancelled."""
    while not answer.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([answer])
    answer.exception()  # retrieve it, so that asyncio does not log it


class _Worker:
    """One process, started by the first call and by the call after a crash.

    `call` runs in a thread, `begin` and `cancel` in the event loop.
    """

    def __init__(self, context: ForkServerContext, initializer: Callable[[], None]) -> None:
        self._context = context
        self._initializer = initializer
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._process: BaseProcess | None = None
        self._connection: Connection[Any, Any] | None = None

    def begin(self) -> None:
        """Prepare for the next call."""
        self._is_cancelled = False

    def cancel(self) -> None:
        """Make the present call fail soon: kill its process, or do not start one."""
        with self._lock:
            self._is_cancelled = True
            if self._process is not None:
                self._process.kill()

    def call(self, work: Callable[[T], R], argument: T) -> R:
        """Make the process call `work`; this blocks the thread."""
        try:
            connection = self._connection or self._start()
            connection.send((work, argument))
            error, result = connection.recv()
        except (EOFError, OSError) as broken:
            self._discard()
            raise WorkerCrashedError from broken
        if error is not None:
            raise error
        answer: R = result
        return answer

    def _start(self) -> "Connection[Any, Any]":
        own, other = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(other, self._initializer), daemon=True)
        try:
            with _fork_server():
                process.start()
        except BaseException:
            own.close()
            raise
        finally:
            other.close()
        with self._lock:
            self._process, self._connection = process, own
            if self._is_cancelled:
                process.kill()
        return own

    def stop(self) -> None:
        """End the process when it is idle: closing the pipe makes it return."""
        if self._connection is not None and self._process is not None:
            self._connection.close()
            self._process.join(_EXIT_SECONDS)
            self._discard()

    def _discard(self) -> None:
        with self._lock:
            process, connection = self._process, self._connection
            self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.join()
            process.close()


@contextmanager
def _fork_server() -> Iterator[None]:
    """Keep the server running that forks the processes, and block SIGINT and SIGTERM for them.

    A terminal sends Ctrl-C to all processes of a job, and a scheduler SIGTERM; only the importing
    process handles them. The server starts without the working directory on its path, which may
    contain a file `models.py`.
    """
    resource_tracker.ensure_running()  # the server would start it, and unblock the signals
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    before = os.environ.get("PYTHONSAFEPATH", "")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        forkserver.ensure_running()
        yield
    finally:
        os.environ["PYTHONSAFEPATH"] = before  # an empty one counts as none
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _serve(connection: "Connection[Any, Any]", initializer: Callable[[], None]) -> None:
    """Answer calls until the pipe ends. This is what runs in the process."""
    try:
        initializer()
        _answer_calls(connection)
    except Exception:
        sys.excepthook(*sys.exc_info())  # the module multiprocessing would print it
        os._exit(1)


def _answer_calls(connection: "Connection[Any, Any]") -> None:
    while True:
        try:
            work, argument = connection.recv()
        except EOFError:
            return
        except MemoryError:  # the call alone is larger than the process may be
            os._exit(1)
        answer: tuple[Exception | None, Any]
        try:
            answer = None, work(argument)
        except Exception as error:
            answer = error, None
        connection.send(answer)
