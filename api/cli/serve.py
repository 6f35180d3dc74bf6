"""`caseledger serve`: the REST API under uvicorn."""

import asyncio
import resource
import signal
import socket
import time
from contextlib import nullcontext, suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.cli.http_protocol import protocol_with_deadline
from api.middleware.access_log import begin_logging, log_config
from models.connection import open_database
from models.embedded.server import embedded_server
from models.errors import UsageError
from models.settings import Settings, split_list

_GRACE_SECONDS = 10
_OPEN_FILES = 65_536


def serve_api(settings: Settings, host: str, port: int) -> None:
    """Serve the API until SIGINT or SIGTERM; running requests are answered first.

    Raise DatabaseError at once when the database cannot be opened, UsageError when the port cannot
    be listened on.
    """
    begin_logging(settings.log_format)
    _allow_open_files()
    try_port(host, port)
    with embedded_server(settings) if settings.is_embedded else nullcontext():
        asyncio.run(_try_database(settings))
        config = uvicorn.Config(
            create_app(settings),
            host=host,
            port=port,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            http=protocol_with_deadline(settings.header_seconds),
            server_header=False,
            access_log=False,
            log_config=log_config(settings.log_format),
            forwarded_allow_ips=split_list(settings.trusted_proxies),
        )
        # after stopping, uvicorn raises the signal that ended it once more
        with suppress(KeyboardInterrupt):
            _Server(config, settings.drain_seconds).run()


def _allow_open_files() -> None:
    """Allow as many open files as the system does, since every connection is one.

    Otherwise a thousand connections, which is a common limit, would make the service unreachable.
    """
    limit, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if highest == resource.RLIM_INFINITY else min(_OPEN_FILES, highest)
    if limit != resource.RLIM_INFINITY and limit < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, highest))


class _Server(uvicorn.Server):
    """A server that becomes unready at SIGTERM, and stops accepting requests some seconds later.

    In the meantime a load balancer can turn to another instance. A second signal, or Ctrl-C, skips
    the wait.
    """

    def __init__(self, config: uvicorn.Config, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._stops_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start stopping."""
        assert isinstance(self.config.app, FastAPI)
        self.config.app.state.is_stopping = True
        if sig == signal.SIGTERM and self._stops_at is None:
            self._stops_at = time.monotonic() + self._drain_seconds
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop now; uvicorn calls it ten times a second."""
        is_over = self._stops_at is not None and time.monotonic() >= self._stops_at
        return await super().on_tick(counter) or is_over


def try_port(host: str, port: int) -> None:
    """Raise UsageError when the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error


async def _try_database(settings: Settings) -> None:
    async with open_database(settings):
        pass
