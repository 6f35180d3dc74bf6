"""What is derived is checked against what it is derived from, and mended."""

from pathlib import Path
from typing import Any

import pytest

from ingest.importing import ImportOptions, import_paths
from ingest.sample import SampleArchive, SampleOptions
from models.cases import documents as case_documents
from models.cases.identity import CaseKey
from models.cases.listed_execution import listed_id
from models.cases.overflow import overflow_id
from models.cases.recording import write_case
from models.cases.simulated_date import ModelDate
from models.configuration.rules import DeltaRules, load_rules
from models.database.client import Database
from models.errors import DamagedError
from models.verify.cases import verify_cases
from models.verify.difference import Difference
from tests.support.archives import dump
from tests.support.cases import BASE, LIDS, success
from tests.support.executions import KEY, RULES


@pytest.fixture
async def filled(database: Database, tmp_path: Path) -> Database:
    SampleArchive(SampleOptions(cases=3, executions=4, seed=5)).write_tree(tmp_path)
    await import_paths(database, [tmp_path], ImportOptions())
    return database


async def differences(database: Database, *, repair: bool = False) -> list[Difference]:
    return [item async for item in verify_cases(database, DeltaRules(), repair=repair)]


async def test_what_an_import_writes_agrees(filled: Database) -> None:
    assert await differences(filled) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("collection", "change", "field"),
    [
        pytest.param("cases", {"$set": {"executionCount": 99}}, "executionCount", id="counter"),
        pytest.param("cases", {"$set": {"compiler": "x"}}, "compiler", id="description"),
        pytest.param("cases", {"$set": {"lineages": []}}, "lineages", id="lineages"),
        pytest.param("cases", {"$set": {"searchWords": ["x"]}}, "searchWords", id="words"),
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


_NEW = (
    "previousExecutionId", "changedSincePrevious", "reader", "runEndSource", "attempts",
    "failedPhase", "failureReason", "failureLog", "simulationEndReached",
)  # fmt: skip
_NEW_OF_CASES = ("changes", "failedBuilds")


@pytest.mark.slow
async def test_what_an_earlier_version_recorded_is_mended_and_then_read_again(
    filled: Database, tmp_path: Path
) -> None:
    before = await dump(filled)
    await filled.cases.update_all({}, _without("executions.", *_NEW_OF_CASES))
    await filled.executions.update_all({}, _without("", "recorded.reader", "problems", "missing"))
    assert await differences(filled, repair=True)
    found = await differences(filled)
    assert {item.kind for item in found} == {"outdated"}
    assert str(tmp_path) in found[0].detail
    report = await import_paths(filled, [tmp_path], ImportOptions())
    assert report.record.counts.updated == len(found)
    assert await differences(filled) == []
    assert _filled_in(await dump(filled)) == _filled_in(before)


def _without(prefix: str, *others: str) -> list[dict[str, Any]]:
    return [{"$unset": [*(f"{prefix}{name}" for name in _NEW), *others]}]


def _filled_in(documents: Any) -> list[dict[str, Any]]:
    """Return documents in which a list that is not there is empty."""
    return [{"changes": [], "failedBuilds": []} | document for document in documents]


async def test_what_is_left_of_a_lost_case_is_told_and_left(filled: Database) -> None:
    case = (await filled.cases.find({}))[0]
    await filled.cases.delete({"_id": case["_id"]})
    found = await differences(filled, repair=True)
    assert {(item.kind, item.document.partition("/")[0]) for item in found} == {
        ("lost", case["_id"])
    }
    assert await filled.executions.count({"caseId": case["_id"]}) == len(found) > 0


CHANGED = BASE | {"env_run.ATM_NCPL": 96}


@pytest.fixture
async def small(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """One case of seven executions in three documents; the second and the last differ."""
    monkeypatch.setattr(case_documents, "MAX_EXECUTIONS", 3)
    date = ModelDate(1850, 1, 1).to_stored()
    given = [success(lid, simulation_start=date) for lid in LIDS[:7]]
    given[1] = success(LIDS[1], CHANGED)
    given[6] = success(LIDS[6], CHANGED)
    await write_case(database, KEY, given, RULES)
    return database


async def test_what_is_intact_is_not_written(small: Database) -> None:
    assert await differences(small, repair=True) == []
    assert (await small.cases.find({}))[0]["revision"] == 1


async def test_a_wrong_count_hides_no_overflow_and_lets_none_be_overwritten(
    small: Database,
) -> None:
    before = await dump(small)
    await small.cases.update({"_id": KEY.case_id}, {"$set": {"executionCount": 3}})
    found = await differences(small, repair=True)
    assert [item.field for item in found] == ["executionCount"]
    assert await dump(small) == before
    await small.cases.update({"_id": KEY.case_id}, {"$set": {"executionCount": 3}})
    await write_case(small, KEY, [success(LIDS[7])], RULES)
    assert (await small.cases.find({}))[0]["executionCount"] == 8


@pytest.mark.parametrize("number", [1, 2])
async def test_lost_executions_are_told_and_stay_listed(small: Database, number: int) -> None:
    await small.case_overflows.delete({"_id": overflow_id(KEY.case_id, number)})
    for repair in (True, False):
        kinds = {(item.collection, item.kind) for item in await differences(small, repair=repair)}
        assert ("executions", "lost") in kinds
    assert (("caseOverflows", "lost") in kinds) == (number == 1)
    assert await small.executions.count({}) == 7
    lost = LIDS[3:6] if number == 1 else LIDS[6:7]
    await write_case(small, KEY, [success(lid, CHANGED) for lid in lost], RULES)
    assert await differences(small) == []


@pytest.mark.parametrize(
    "change",
    [
        {"executions.1.orderKey": "x"}, {"executions.1.lidTime": "x"},
        {"executions.1.jobNumber": 5}, {"executions.1.jobId": "5"}, {"system": "x"},
        {"executions.0.simulationStart.sortKey": 5}, {"executions.1.changed": []},
        {"executions.1.changeCount": 7}, {"executions.1.runConfigDeltas": None},
        {"executions.1.runConfigDeltas.env_run.ATM_NCPL.current": 5},
        {"executions.1.runConfigDeltas.env_run.ATM_NCPL": {"canonical": 48}},
        {"executions.1.hasConfiguration": False}, {"configurationOf": LIDS[1]},
        {"executions.1.configurationDigest": None},
        {"executions.1.configurationDigest": None, "executions.1.runConfigDeltas": None},
    ],
)  # fmt: skip
async def test_what_follows_from_the_rest_is_mended(
    small: Database, change: dict[str, Any]
) -> None:
    before = await dump(small)
    await small.cases.update({"_id": KEY.case_id}, {"$set": change})
    found = await differences(small, repair=True)
    assert found
    assert {item.kind for item in found} == {"derived"}
    assert await differences(small) == []
    assert await dump(small) == before


async def test_an_overflow_document_is_known_by_its_id(small: Database) -> None:
    before = await dump(small)
    own_id = overflow_id(KEY.case_id, 1)
    await small.case_overflows.update({"_id": own_id}, {"$set": {"caseId": "x", "number": 9}})
    assert {item.field for item in await differences(small, repair=True)} >= {"caseId", "number"}
    assert await differences(small) == []
    assert await dump(small) == before


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"name": "x"}, "identity"),
        ({"machine": "x"}, "identity"),
        ({"executions.1.status": "x"}, "unreadable"),
        ({"history": [{"at": 5}]}, "unreadable"),
        ({"executions": None}, "unreadable"),
        ({"configuration.env_run.STOP_N": 6}, "lost"),
        ({"configuration": None}, "lost"),
    ],
)
async def test_damage_is_told_and_left_and_nothing_is_imported_into_it(
    small: Database, change: dict[str, Any], kind: str
) -> None:
    await write_case(small, CaseKey("chrysalis", "jdoe", "other"), [success(LIDS[0])], RULES)
    await small.cases.update({"name": "other"}, {"$set": {"executionCount": 9}})
    await small.cases.update({"_id": KEY.case_id}, {"$set": change})
    before = await small.cases.find({"_id": KEY.case_id})
    listed = await small.executions.find({}, sort=[("_id", 1)])
    found = await differences(small, repair=True)
    assert {item.kind for item in found if item.document.startswith(KEY.case_id)} == {kind}
    assert [item.field for item in found if item.kind == "derived"] == ["executionCount"]
    assert await small.cases.find({"_id": KEY.case_id}) == before
    assert await small.executions.find({}, sort=[("_id", 1)]) == listed
    with pytest.raises(DamagedError):
        await write_case(small, KEY, [success("1.240101-000000")], RULES)


async def test_a_lost_delta_is_left_as_it_is(small: Database) -> None:
    own_id = listed_id(KEY.case_id, LIDS[1])
    change = {"executions.1.runConfigDeltas": None, "executions.0.jobNumber": 77}
    await small.cases.update({"_id": KEY.case_id}, {"$set": change})
    await small.executions.update({"_id": own_id}, {"$set": {"overrides": {}}})
    listed = await small.executions.find({"_id": own_id})
    found = await differences(small, repair=True)
    assert {item.kind for item in found} == {"derived", "lost"}
    assert [item.kind for item in await differences(small)] == ["lost"]
    assert await small.executions.find({"_id": own_id}) == listed
    with pytest.raises(DamagedError):  # another base would take that delta for granted
        await write_case(small, KEY, [success("1.240101-000000")], RULES)
    await write_case(small, KEY, [success(LIDS[8])], RULES)


async def test_a_new_table_makes_deltas_anew(filled: Database, tmp_path: Path) -> None:
    own = tmp_path / "variation.toml"
    own.write_text('[[changed]]\nclass = "science"\nkeys = ["env_run.CONTINUE_RUN"]\n')
    rules = load_rules(own, None)
    found = [item async for item in verify_cases(filled, rules, repair=True)]
    assert any(item.field.endswith("runConfigDeltas") for item in found)
    assert [item async for item in verify_cases(filled, rules)] == []
    assert await filled.executions.count({"changed": "env_run.CONTINUE_RUN"}) > 0
