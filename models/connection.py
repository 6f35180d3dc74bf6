"""Opening the database: settings, server, client and documents together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.database.client import Database, connect
from models.database.monitoring import Observer
from models.embedded.server import full_disk, watched_server
from models.errors import DatabaseUnavailableError, ServerFullError
from models.settings import Settings
from models.version import SCHEMA_VERSION


@asynccontextmanager
async def open_database(
    settings: Settings, *, create: bool = True, observer: Observer | None = None
) -> AsyncIterator[Database]:
    """Open the database of the settings, starting the embedded server when no URL is set.

    Missing collections and indexes are created unless `create` is false. An embedded server that
    ends by itself while the database is open is started again.
    """
    async with _server_uri(settings) as uri:
        seconds = settings.database_timeout_seconds
        try:
            async with connect(uri, settings.database, seconds, observer) as database:
                if create:
                    await _ensure_schema(database)
                yield database
        except DatabaseUnavailableError as error:
            reason = full_disk(settings)
            if reason is None:
                raise
            raise ServerFullError(reason) from error


async def _ensure_schema(database: Database) -> None:
    if not await database.has_schema(SCHEMA_VERSION):
        # Beanie and the document classes take as long to import as all else that a command needs.
        from models.documents import create_schema

        await create_schema(database)


@asynccontextmanager
async def _server_uri(settings: Settings) -> AsyncIterator[str]:
    if settings.mongodb_url is not None:
        yield settings.mongodb_url.get_secret_value()
        return
    server = watched_server(settings)
    uri = await asyncio.to_thread(server.__enter__)
    try:
        yield uri
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)
