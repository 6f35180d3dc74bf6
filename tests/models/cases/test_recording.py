"""Cases and executions that are stated, edits of what people write, and deletion."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from ingest.importing import ImportOptions, import_paths
from ingest.sample import SampleArchive, SampleOptions
from models.cases import edits as recording
from models.cases.annotations import CaseAnnotations, ExecutionAnnotations, Link
from models.cases.derived import recompute
from models.cases.edit_log import Author
from models.cases.edits import (
    delete_case,
    delete_execution,
    edit_case,
    edit_execution,
    pin_canonical,
)
from models.cases.recording import StatedExecution, record_case, record_execution
from models.configuration.rules import DeltaRules
from models.configuration.variation import VariationTable
from models.database.client import Database
from models.errors import ConflictError, NotFoundError, OutdatedError
from models.verify.cases import verify_cases
from tests.support.executions import KEY, RULES

AUTHOR = Author("flow", "a test")
CASE = KEY.case_id


def stated(number: int = 1, **fields: Any) -> StatedExecution:
    given: dict[str, Any] = {
        "execution_id": f"run-{number}",
        "status": "completed",
        "started_local": f"2025-01-{number:02}T00:00:00",
        "configuration": {"env_build.COMPILER": "gnu", "env_run.ATM_NCPL": 40 + number},
    }
    return StatedExecution(**(given | fields))


async def read(database: Database) -> dict[str, Any]:
    case = await database.cases.find_one({"_id": CASE})
    assert case is not None
    return case


async def agrees(database: Database) -> bool:
    return [item async for item in verify_cases(database, DeltaRules())] == []


async def test_a_case_is_recorded_once(database: Database) -> None:
    await record_case(database, KEY, CaseAnnotations(tags=["new"]), AUTHOR)
    with pytest.raises(ConflictError):
        await record_case(database, KEY, CaseAnnotations(), AUTHOR)
    assert (await read(database))["annotations"]["tags"] == ["new"]
    assert await agrees(database)


async def test_stated_executions_have_deltas_like_any_other(database: Database) -> None:
    assert await record_execution(database, KEY, stated(2), AUTHOR, RULES)
    assert await record_execution(database, KEY, stated(3), AUTHOR, RULES)
    assert await record_execution(database, KEY, stated(1), AUTHOR, RULES)
    case = await read(database)
    assert case["canonicalExecutionId"] == "run-1"
    assert case["compiler"] == "gnu"
    assert [e["executionId"] for e in case["executions"]] == ["run-1", "run-2", "run-3"]
    assert case["executions"][2]["runConfigDeltas"]["env_run"]["ATM_NCPL"]["current"] == 43
    assert await agrees(database)


@pytest.mark.parametrize("value", [0, False])
async def test_a_stated_value_that_is_nought_is_no_missing_one(
    database: Database, value: object
) -> None:
    for number in (2, 1):
        values = {"env_build.GRID": value, "env_run.ATM_NCPL": number}
        await record_execution(database, KEY, stated(number, configuration=values), AUTHOR, RULES)
    assert (await read(database))["gridResolution"] == str(value)
    assert await agrees(database)


async def test_the_same_execution_again_changes_nothing(database: Database) -> None:
    await record_execution(database, KEY, stated(), AUTHOR, RULES)
    before = await read(database)
    assert not await record_execution(database, KEY, stated(), AUTHOR, RULES)
    assert await read(database) == before


async def test_another_execution_under_the_same_id_is_refused(database: Database) -> None:
    await record_execution(database, KEY, stated(), AUTHOR, RULES)
    with pytest.raises(ConflictError):
        await record_execution(database, KEY, stated(status="failed"), AUTHOR, RULES)


async def test_credentials_in_a_stated_configuration_are_masked(database: Database) -> None:
    values = {"env_run.URL": "https://u:hunter2@h/", "env_run.API_TOKEN": "hunter2"}
    await record_execution(database, KEY, stated(configuration=values), AUTHOR, RULES)
    assert "hunter2" not in str(await read(database))


async def test_an_execution_may_have_no_configuration(database: Database) -> None:
    await record_execution(database, KEY, stated(configuration=None), AUTHOR, RULES)
    case = await read(database)
    assert case["canonicalExecutionId"] is None
    assert case["executions"][0]["complete"] is False


async def test_an_edit_is_recorded_with_its_reason(database: Database) -> None:
    await record_case(database, KEY, CaseAnnotations(), AUTHOR)
    changes = {"notes": "# x", "links": [Link(url="https://e3sm.org/x")]}
    await edit_case(database, CASE, 1, changes, Author("ada", "asked for"))
    case = await read(database)
    assert (case["annotations"]["notes"], case["revision"]) == ("# x", 2)
    edits = await database.edits.find({"caseId": CASE}, sort=[("at", 1)])
    assert [(e["event"], e["by"], e["reason"]) for e in edits] == [
        ("created", "flow", "a test"),
        ("edited", "ada", "asked for"),
    ]
    assert edits[1]["changes"]["notes"] == {"previous": None, "current": "# x"}


async def test_an_edit_of_something_that_has_changed_is_refused(database: Database) -> None:
    await record_case(database, KEY, CaseAnnotations(), AUTHOR)

    async def edit(note: str) -> bool:
        try:
            await edit_case(database, CASE, 1, {"notes": note}, AUTHOR)
        except OutdatedError:
            return False
        return True

    done = await asyncio.gather(*(edit(str(number)) for number in range(10)))
    assert sum(done) == 1
    assert await database.edits.count({"event": "edited"}) == 1


@pytest.mark.slow
async def test_what_people_wrote_survives_an_import(database: Database, tmp_path: Path) -> None:
    SampleArchive(SampleOptions(cases=1, executions=3, seed=4)).write_tree(tmp_path)
    await import_paths(database, [tmp_path], ImportOptions())
    (case,) = await database.cases.find({})
    own_id, lid = case["_id"], case["executions"][0]["executionId"]
    fields = {"simulation_type": "production", "notes": "mine"}
    await edit_case(database, own_id, case["revision"], fields, AUTHOR)
    await edit_execution(database, own_id, lid, case["revision"] + 1, {"notes": "this"}, AUTHOR)
    for file in tmp_path.rglob("CaseStatus*"):
        file.unlink()  # there is less to learn from it now
    (next(tmp_path.rglob("CaseDocs*")) / "more").write_text("more")
    await import_paths(database, [tmp_path], ImportOptions())
    (case,) = await database.cases.find({})
    assert case["annotations"]["notes"] == "mine"
    assert case["simulationType"] == "production"
    assert case["executions"][0]["annotations"]["notes"] == "this"
    assert await database.executions.count({"simulationType": "production"}) > 0
    assert await agrees(database)


async def test_a_pinned_execution_stays_canonical_until_it_is_freed(database: Database) -> None:
    for number in (1, 2, 3):
        await record_execution(database, KEY, stated(number), AUTHOR, RULES)
    await pin_canonical(database, CASE, 3, "run-2", AUTHOR, RULES)
    case = await read(database)
    assert case["canonicalExecutionId"] == "run-2"
    assert case["configuration"]["env_run"]["ATM_NCPL"] == 42
    assert case["executions"][0]["runConfigDeltas"]["env_run"]["ATM_NCPL"]["current"] == 41
    await record_execution(database, KEY, stated(4), AUTHOR, RULES)
    assert (await read(database))["canonicalExecutionId"] == "run-2"
    await pin_canonical(database, CASE, 5, None, AUTHOR, RULES)
    assert (await read(database))["canonicalExecutionId"] == "run-1"
    assert await agrees(database)


async def test_an_execution_without_configuration_cannot_be_pinned(database: Database) -> None:
    await record_execution(database, KEY, stated(configuration=None), AUTHOR, RULES)
    with pytest.raises(ConflictError):
        await pin_canonical(database, CASE, 1, "run-1", AUTHOR, RULES)


async def test_a_deleted_execution_leaves_the_others_right(database: Database) -> None:
    for number in (1, 2, 3):
        await record_execution(database, KEY, stated(number), AUTHOR, RULES)
    await delete_execution(database, CASE, "run-1", AUTHOR, RULES)
    case = await read(database)
    assert case["canonicalExecutionId"] == "run-2"
    assert case["configuration"]["env_run"]["ATM_NCPL"] == 42
    assert await database.executions.count({}) == case["executionCount"] == 2
    assert await agrees(database)


async def test_edits_go_by_the_tables_of_the_site(database: Database) -> None:
    site = DeltaRules(VariationTable('[[expected]]\nclass = "io"\nkeys = ["env_run.ATM_NCPL"]'))
    for number in (1, 2, 3):
        await record_execution(database, KEY, stated(number), AUTHOR, site)
    await edit_case(database, CASE, None, {"notes": "x"}, AUTHOR)
    await pin_canonical(database, CASE, None, "run-2", AUTHOR, site)
    await delete_execution(database, CASE, "run-3", AUTHOR, site)
    first = (await read(database))["executions"][0]
    assert (first["changeCount"], "env_run" in first["expectedVariation"]) == (0, True)
    assert [found async for found in verify_cases(database, site)] == []


async def test_a_case_whose_last_configuration_is_deleted_tells_nothing_of_it(
    database: Database,
) -> None:
    await record_execution(database, KEY, stated(1), AUTHOR, RULES)
    await record_execution(database, KEY, stated(2, configuration=None), AUTHOR, RULES)
    assert (await read(database))["compiler"] == "gnu"
    await delete_execution(database, CASE, "run-1", AUTHOR, RULES)
    case = await read(database)
    assert (case["compiler"], case["configuration"]) == (None, None)


async def test_what_is_taken_back_of_a_case_does_not_stay(database: Database) -> None:
    await record_case(database, KEY, CaseAnnotations(simulation_type="production"), AUTHOR)
    await edit_case(database, CASE, None, {"simulation_type": None}, AUTHOR)
    assert (await read(database))["simulationType"] == "unknown"


async def test_a_long_edit_leaves_the_loop_to_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record_execution(database, KEY, stated(), AUTHOR, RULES)
    begun, others_had_their_turn = threading.Event(), threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        begun.set()
        assert others_had_their_turn.wait(60)
        return recompute(*arguments, **options)

    monkeypatch.setattr(recording, "recompute", slow)
    editing = asyncio.create_task(pin_canonical(database, CASE, None, "run-1", AUTHOR, RULES))
    await asyncio.to_thread(begun.wait, 60)
    others_had_their_turn.set()
    await editing


async def test_a_deleted_case_leaves_only_the_entry_of_that(database: Database) -> None:
    await record_execution(database, KEY, stated(), AUTHOR, RULES)
    await delete_case(database, CASE, AUTHOR)
    assert await database.cases.count({}) == await database.executions.count({}) == 0
    (entry,) = await database.edits.find({"event": "deleted"})
    assert entry["changes"]["name"]["previous"] == KEY.name


@pytest.mark.parametrize("missing", ["case", "execution"])
async def test_what_is_not_there_cannot_be_changed(database: Database, missing: str) -> None:
    if missing == "execution":
        await record_case(database, KEY, CaseAnnotations(), AUTHOR)
        with pytest.raises(NotFoundError):
            await edit_execution(database, CASE, "x", 1, {"notes": "x"}, AUTHOR)
        with pytest.raises(NotFoundError):
            await delete_execution(database, CASE, "x", AUTHOR, RULES)
        return
    with pytest.raises(NotFoundError):
        await edit_case(database, CASE, 1, {"notes": "x"}, AUTHOR)
    with pytest.raises(NotFoundError):
        await delete_case(database, CASE, AUTHOR)


async def test_annotations_may_come_with_the_execution(database: Database) -> None:
    annotations = ExecutionAnnotations(extra={"flow": {"id": 3}})
    await record_execution(database, KEY, stated(annotations=annotations), AUTHOR, RULES)
    execution = (await read(database))["executions"][0]
    assert execution["annotations"]["extra"] == {"flow": {"id": 3}}
