"""`caseledger verify` checks the links, and removes what no build names."""

from api.cli.verify import _verify
from models.database.client import Database
from models.settings import Settings
from models.verify.difference import Difference
from tests.support.cases import FIRST
from tests.support.software import LOADED, NETCDF, links, record, record_spec


async def test_links_are_verified_and_mended(database: Database, settings: Settings) -> None:
    own_id = await record(database, FIRST, LOADED)
    await record_spec(database, NETCDF)
    wrong = Difference("executions", own_id, "specs")
    assert await _verify(settings, repair=False) == [wrong]
    assert await _verify(settings, repair=True) == [wrong]
    assert await links(database, own_id) == [(NETCDF, "loaded", 1)]
    assert await _verify(settings, repair=False) == []
