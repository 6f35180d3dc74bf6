"""What is written of a case: on mongomock where that answers as MongoDB does, else on MongoDB."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from mongomock_motor import AsyncMongoMockClient

from ingest import case_store
from ingest.case_store import read_case, relist_case
from ingest.writer import write_case
from models.case import CaseRecord
from models.database import Collection, Database, Insert, Put, Update, Write
from tests.ingest.builders import KEY, TABLES
from tests.ingest.test_fold import FIRST, SECOND, THIRD, success

LIDS = [f"{n}.2501{n:02}-000000" for n in range(1, 13)]


class MockDatabase:
    """The collections of a case on mongomock, which has no transactions."""

    def __init__(self) -> None:
        database: Any = AsyncMongoMockClient(tz_aware=True)["ledger"]
        self.cases = Collection(database["cases"])
        self.case_overflows = Collection(database["caseOverflows"])
        self.executions = Collection(database["executions"])
        self.writes: list[Write] = []
        self._listed = database["executions"]

    async def write(self, writes: Sequence[Write]) -> bool:
        self.writes = list(writes)
        return all([await self._write(write) for write in writes])

    async def _write(self, write: Write) -> bool:
        match write:
            case Insert(collection, document):
                await collection.insert(document)
            case Update(collection, query, change):
                return await collection.update(query, change)
            case Put(_, document):
                await self._listed.replace_one({"_id": document["_id"]}, document, upsert=True)
            case _:
                raise NotImplementedError
        return True


@pytest.fixture
def mock() -> Database:
    return cast(Database, MockDatabase())


async def stored(database: Database) -> dict[str, Any]:
    found = await database.cases.find({})
    assert len(found) == 1
    return found[0]


async def test_a_case_is_stored_by_its_camel_case_names(mock: Database) -> None:
    await write_case(mock, KEY, [success(FIRST)], TABLES)
    document = await stored(mock)
    assert document["_id"] == KEY.case_id
    assert document["canonicalExecutionId"] == FIRST
    assert document["executions"][0]["lidTime"].startswith("20")
    assert not [name for name in document if "_" in name[1:]]


async def test_what_is_stored_is_read_back_as_it_was(mock: Database) -> None:
    await write_case(mock, KEY, [success(FIRST), success(SECOND)], TABLES)
    document = await stored(mock)
    record = CaseRecord.model_validate(document).stored()
    assert record == {name: value for name, value in document.items() if name != "_id"}


async def test_every_write_raises_the_revision_by_one_and_no_change_writes_nothing(
    mock: Database,
) -> None:
    for lids, revision in (([FIRST], 1), ([SECOND, THIRD], 2), ([FIRST, THIRD], 2)):
        await write_case(mock, KEY, [success(lid) for lid in lids], TABLES)
        assert (await stored(mock))["revision"] == revision
    assert [e["executionId"] for e in (await stored(mock))["executions"]] == sorted(
        [FIRST, SECOND, THIRD], key=lambda lid: lid.rpartition(".")[2]
    )


async def test_executions_behind_all_others_are_pushed(mock: Database) -> None:
    await write_case(mock, KEY, [success(lid) for lid in LIDS[:2]], TABLES)
    await write_case(mock, KEY, [success(lid) for lid in LIDS[2:4]], TABLES)
    change = cast(MockDatabase, mock).writes[0].change  # type: ignore[union-attr]
    pushed = [e["executionId"] for e in change["$push"]["executions"]["$each"]]
    assert pushed == LIDS[2:4]
    assert "executions" not in change["$set"]


async def test_an_execution_between_others_sets_the_array(mock: Database) -> None:
    await write_case(mock, KEY, [success(LIDS[0]), success(LIDS[2])], TABLES)
    await write_case(mock, KEY, [success(LIDS[1])], TABLES)
    change = cast(MockDatabase, mock).writes[0].change  # type: ignore[union-attr]
    assert len(change["$set"]["executions"]) == 3


async def test_only_what_has_changed_is_listed_anew(mock: Database) -> None:
    await write_case(mock, KEY, [success(lid) for lid in LIDS[1:5]], TABLES)
    await write_case(mock, KEY, [success(LIDS[6])], TABLES)
    assert len(cast(MockDatabase, mock).writes) == 2
    await write_case(mock, KEY, [success(LIDS[0])], TABLES)  # becomes the canonical one
    assert len(cast(MockDatabase, mock).writes) == 7
    listed = await mock.executions.find({"isCanonical": True})
    assert [execution["executionId"] for execution in listed] == [LIDS[0]]


async def test_a_case_of_very_many_executions_goes_on_in_overflow_documents(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_store, "MOST_EXECUTIONS", 3)
    for lids in (LIDS[1:3], LIDS[3:9], LIDS[9:11], LIDS[:1], LIDS[11:]):
        await write_case(database, KEY, [success(lid) for lid in lids], TABLES)
    main = await stored(database)
    overflows = await database.case_overflows.find({}, sort=[("number", 1)])
    parts = [main["executions"], *(overflow["executions"] for overflow in overflows)]
    assert [len(part) for part in parts] == [3, 3, 3, 3]
    assert [e["executionId"] for part in parts for e in part] == LIDS
    read = await read_case(database, KEY.case_id)
    assert read is not None
    assert [e.execution_id for e in read.record.executions] == LIDS
    assert main["executionCount"] == await database.executions.count({}) == len(LIDS)


async def test_large_executions_fill_a_document_sooner(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_store, "MOST_BYTES", 4000)
    await write_case(database, KEY, [success(lid) for lid in LIDS], TABLES)
    overflows = await database.case_overflows.find({})
    assert len(overflows) > 1
    assert all(overflow["executions"] for overflow in overflows)


async def test_of_two_writers_on_one_revision_one_has_to_read_again(database: Database) -> None:
    await write_case(database, KEY, [success(LIDS[0])], TABLES)
    before = await read_case(database, KEY.case_id)
    await write_case(database, KEY, [success(LIDS[1])], TABLES)
    assert before is not None
    outdated = before.record.model_copy(update={"note": "x", "compiler": "other"})
    assert not await case_store.store_case(database, KEY.case_id, before, outdated)
    assert (await stored(database))["executionCount"] == 2


async def test_a_listing_is_not_made_anew_of_a_case_that_has_changed(database: Database) -> None:
    await write_case(database, KEY, [success(FIRST)], TABLES)
    before = await read_case(database, KEY.case_id)
    assert before is not None
    await write_case(database, KEY, [success(SECOND)], TABLES)
    await database.executions.delete({})
    assert not await relist_case(database, KEY.case_id, before, before.record)
    now = await read_case(database, KEY.case_id)
    assert now is not None
    assert await relist_case(database, KEY.case_id, now, now.record)
    assert await database.executions.count({}) == 2
