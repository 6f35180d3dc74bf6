"""The application on a port of its own, for programs that are not Python's."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from api.app import create_app
from models.database.client import Database
from models.settings import Settings


@asynccontextmanager
async def served(database: Database) -> AsyncIterator[int]:
    """Serve the application on a database; give the port."""
    app = create_app(Settings())
    app.state.database = database
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
        task = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield int(listening.getsockname()[1])
        server.should_exit = True
        await task
