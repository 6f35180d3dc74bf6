"""What is derived is checked against what it is derived from, and mended."""

from pathlib import Path
from typing import Any

import pytest

from ingest.pipeline import ImportOptions, import_paths
from ingest.sample import SampleArchive, SampleOptions
from ingest.verify import Difference, verify_cases
from models.database import Database
from models.tables import Tables, load_tables
from tests.archives import dump


@pytest.fixture
async def filled(database: Database, tmp_path: Path) -> Database:
    SampleArchive(SampleOptions(cases=3, executions=4, seed=5)).write_tree(tmp_path)
    await import_paths(database, [tmp_path], ImportOptions())
    return database


async def differences(database: Database, *, repair: bool = False) -> list[Difference]:
    return [item async for item in verify_cases(database, Tables(), repair=repair)]


async def test_what_an_import_writes_agrees(filled: Database) -> None:
    assert await differences(filled) == []


@pytest.mark.parametrize(
    ("collection", "change", "field"),
    [
        pytest.param("cases", {"$set": {"executionCount": 99}}, "executionCount", id="counter"),
        pytest.param("cases", {"$set": {"compiler": "x"}}, "compiler", id="description"),
        pytest.param("cases", {"$set": {"lineages": []}}, "lineages", id="lineages"),
        pytest.param(
            "cases", {"$set": {"canonicalExecutionId": "x"}}, "canonicalExecutionId", id="choice"
        ),
        pytest.param("executions", {"$set": {"jobId": "x"}}, "jobId", id="listed"),
        pytest.param("executions", {"$set": {"caseId": "none"}}, "_id", id="listed elsewhere"),
    ],
)
async def test_what_was_changed_is_found_and_mended(
    filled: Database, collection: str, change: dict[str, Any], field: str
) -> None:
    before = await dump(filled)
    target = {"cases": filled.cases, "executions": filled.executions}[collection]
    document = (await target.find({}, sort=[("_id", 1)], limit=1))[0]
    await target.update({"_id": document["_id"]}, change)
    found = await differences(filled)
    assert field in {item.field for item in found}
    await differences(filled, repair=True)
    assert await differences(filled) == []
    assert await dump(filled) == before


async def test_what_belongs_to_no_case_is_removed(filled: Database) -> None:
    case = (await filled.cases.find({}))[0]
    await filled.cases.delete({"_id": case["_id"]})
    assert {item.document for item in await differences(filled, repair=True)} == {case["_id"]}
    assert await filled.executions.count({"caseId": case["_id"]}) == 0


async def test_a_new_table_makes_deltas_anew(filled: Database, tmp_path: Path) -> None:
    own = tmp_path / "variation.toml"
    own.write_text('[[changed]]\nclass = "science"\nkeys = ["env_run.CONTINUE_RUN"]\n')
    tables = load_tables(own, None)
    found = [item async for item in verify_cases(filled, tables, repair=True)]
    assert any(item.field.endswith("runConfigDeltas") for item in found)
    assert [item async for item in verify_cases(filled, tables)] == []
    assert await filled.executions.count({"changed": "env_run.CONTINUE_RUN"}) > 0
