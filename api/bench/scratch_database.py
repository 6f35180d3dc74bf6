"""Databases for single measurements, on an embedded server in a temporary directory."""

import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from models.connection import open_database
from models.database.client import Database
from models.database.monitoring import Observer
from models.embedded.server import embedded_server
from models.settings import Settings


@contextmanager
def temporary_server() -> Iterator[tuple[Settings, Path]]:
    """Yield settings whose embedded server is running, and an empty directory for files."""
    with tempfile.TemporaryDirectory(prefix="caseledger-bench-") as directory:
        root = Path(directory)
        settings = Settings(
            mongodb_url=None, mongodb_url_file=None, home=root / "home", mongod_cache_gb=1
        )
        with embedded_server(settings):
            files = root / "files"
            files.mkdir()
            yield settings, files


@asynccontextmanager
async def empty_database(
    settings: Settings, observer: Observer | None = None, *, create: bool = True
) -> AsyncIterator[Database]:
    """Yield a new database, which is dropped at the end; without `create` it has no collections."""
    scratch = settings.model_copy(update={"database": f"bench_{uuid.uuid4().hex[:8]}"})
    async with open_database(scratch, observer=observer, create=create) as database:
        yield database
        await database.drop()
