"""`caseledger serve`: the REST API under uvicorn."""

import asyncio
import socket
from contextlib import nullcontext, suppress

import uvicorn

from api.app import create_app
from models.database import open_database
from models.embedded.server import embedded_server
from models.errors import UsageError
from models.settings import Settings

_GRACE_SECONDS = 10


def serve_api(settings: Settings, host: str, port: int) -> None:
    """Serve the API until SIGINT or SIGTERM; requests that are under way are answered first.

    DatabaseError at once when the database cannot be had, UsageError when the port cannot.
    """
    try_port(host, port)
    with embedded_server(settings) if settings.is_embedded else nullcontext():
        asyncio.run(_try_database(settings))
        config = uvicorn.Config(
            create_app(settings),
            host=host,
            port=port,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            server_header=False,
        )
        # uvicorn raises the signal that ended it again, once it has stopped
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run()


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
