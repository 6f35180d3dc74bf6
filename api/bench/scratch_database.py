"""A database of its own for each measurement, on the embedded server of a temporary directory."""

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
def temporary_place() -> Iterator[tuple[Settings, Path]]:
    """Give settings with a running embedded server, and an empty directory."""
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
    """Give a new database, which is removed afterwards; without `create`, it has no collections."""
    own = settings.model_copy(update={"database": f"bench_{uuid.uuid4().hex[:8]}"})
    async with open_database(own, observer=observer, create=create) as database:
        yield database
        await database.drop()
