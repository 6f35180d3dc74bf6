"""`caseledger serve`: the REST API under uvicorn."""

import asyncio
import signal
import socket
import time
from contextlib import nullcontext, suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.middleware.access_log import log_config
from ingest.concurrency.gc_tuning import tune_garbage_collector
from models.connection import open_database
from models.embedded.server import embedded_server
from models.errors import UsageError
from models.settings import Settings, split_list

_GRACE_SECONDS = 10


def serve_api(settings: Settings, host: str, port: int) -> None:
    """Serve the API until SIGINT or SIGTERM; requests that are under way are answered first.

    DatabaseError at once when the database cannot be had, UsageError when the port cannot.
    """
    try_port(host, port)
    tune_garbage_collector()
    with embedded_server(settings) if settings.is_embedded else nullcontext():
        asyncio.run(_try_database(settings))
        config = uvicorn.Config(
            create_app(settings),
            host=host,
            port=port,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            server_header=False,
            access_log=False,
            log_config=log_config(settings.log_format),
            forwarded_allow_ips=split_list(settings.trusted_proxies),
        )
        # uvicorn raises the signal that ended it again, once it has stopped
        with suppress(KeyboardInterrupt):
            _Server(config, settings.drain_seconds).run()


class _Server(uvicorn.Server):
    """Says at SIGTERM that it is not ready any more, and only then stops to take requests.

    So whoever distributes requests can send them elsewhere. A second signal, and Ctrl-C, do not
    wait.
    """

    def __init__(self, config: uvicorn.Config, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._stops_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        assert isinstance(self.config.app, FastAPI)
        self.config.app.state.is_stopping = True
        if sig == signal.SIGTERM and self._stops_at is None:
            self._stops_at = time.monotonic() + self._drain_seconds
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to stop now; asked ten times a second."""
        is_over = self._stops_at is not None and time.monotonic() >= self._stops_at
        return await super().on_tick(counter) or is_over


def try_port(host: str, port: int) -> None:
    """Raise UsageError when nobody can listen there."""
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
