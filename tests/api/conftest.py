from pathlib import Path

import pytest

from ingest.pipeline import ImportOptions, import_paths
from models.database import Database
from tests.archives import sample_files, write_files


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("archive"), sample_files())


@pytest.fixture
async def ledger(database: Database, tree: Path) -> Database:
    """The database with the sample archive in it."""
    await import_paths(database, [tree], ImportOptions())
    return database
