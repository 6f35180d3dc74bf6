"""The benchmark of REST: what it makes is what an import would, and it says what it is to say."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.bench.app import app
from api.bench.synthetic_cases import EXECUTIONS_OF_CASE, fill
from models.configuration.rules import DeltaRules
from models.connection import open_database
from models.settings import Settings
from models.verify.cases import verify_cases

pytestmark = pytest.mark.usefixtures("_server")

EXECUTIONS = 3 * EXECUTIONS_OF_CASE + 1


@pytest.mark.slow
async def test_made_executions_are_recorded_as_an_import_does(home: Path) -> None:
    settings = Settings(home=home, database="test_bench")
    async with open_database(settings, create=False) as database:
        await fill(settings, database, EXECUTIONS, jobs=2)
        assert await database.executions.count({}) == EXECUTIONS
        assert await database.cases.count({}) == 4
        assert await database.executions.count({"changed": "compiler"}) > 0
        assert [found async for found in verify_cases(database, DeltaRules())] == []
        await database.drop()


@pytest.mark.slow
async def test_a_small_database_is_the_beginning_of_a_large_one(home: Path) -> None:
    found = []
    for count in (EXECUTIONS_OF_CASE, EXECUTIONS):
        settings = Settings(home=home, database=f"test_bench_{count}")
        async with open_database(settings, create=False) as database:
            await fill(settings, database, count, jobs=1)
            found.append({each["_id"] for each in await database.executions.find({}, {"_id": 1})})
            await database.drop()
    assert found[0] < found[1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_tells_ratios_of_pages_and_the_memory_of_exports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.bench.rest._REQUESTS_OF_SAMPLE", 2)
    sizes = ["--small", "20", "--large", "60", "--rounds", "1"]
    figures = json.loads(CliRunner().invoke(app, ["rest", *sizes], catch_exceptions=False).stdout)
    assert figures["executions"] == [20, 60]
    assert figures["pageToDriver"].keys() == {"cases", "executions"}
    costs = figures["largeToSmall"]
    assert costs["questions"] > 150
    assert all(one["first"] > 0 for one in costs["worst"])
    for size, export in zip(figures["executions"], figures["exports"], strict=True):
        assert (export["ndjson"]["lines"], export["csv"]["lines"]) == (size, size + 1)
        assert export["csv"]["peakMiB"] >= export["idleMiB"] > 10
