from collections.abc import AsyncIterator

import httpx2
import pytest

from models.database.client import Database
from tests.support.rest import client_of


@pytest.fixture(scope="session")
async def client(ledger: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application on the sample archive."""
    async with client_of(ledger) as client:
        yield client
