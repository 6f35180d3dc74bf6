"""The application on a port of its own, for programs that are not Python's."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from api.app import create_app
from api.cli.http_protocol import protocol_with_deadline
from models.database.client import Database
from models.settings import Settings


@asynccontextmanager
async def served(database: Database, settings: Settings | None = None) -> AsyncIterator[int]:
    """Serve the application on a database as `caseledger serve` does; give the port."""
    settings = settings or Settings()
    app = create_app(settings)
    app.state.database = database
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_level="warning",
            http=protocol_with_deadline(settings.header_seconds),
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield int(listening.getsockname()[1])
        finally:
            server.should_exit = server.force_exit = True
            await task
