"""What is written of a case: on mongomock where that answers as MongoDB does, else on MongoDB."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from mongomock_motor import AsyncMongoMockClient

from models.cases import documents as case_documents
from models.cases.case import CaseRecord
from models.cases.documents import StoredCase, listed_document
from models.cases.identity import CaseKey
from models.cases.listed_execution import listed_id
from models.cases.merge import merge
from models.cases.recording import write_case
from models.cases.store import (
    CaseRewrite,
    Rewriter,
    read_case,
    relist_case,
    remove_case,
    rewrite_case,
    store_case,
)
from models.configuration.rules import DeltaRules
from models.configuration.variation import VariationTable
from models.database.client import Database
from models.database.collection import Collection, encoded_size
from models.database.turns import Turns
from models.database.writes import Insert, Update, Upsert, Write
from models.errors import WriteConflictError
from tests.support.cases import BASE, FIRST, LIDS, NOW, SECOND, THIRD, failure, success
from tests.support.executions import KEY, RULES


class MockDatabase:
    """The collections of a case on mongomock, which has no transactions."""

    def __init__(self) -> None:
        database: Any = AsyncMongoMockClient(tz_aware=True)["ledger"]
        self.cases = Collection(database["cases"])
        self.case_overflows = Collection(database["caseOverflows"])
        self.executions = Collection(database["executions"])
        self.turns = Turns()
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
            case Upsert(_, document):
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
    await write_case(mock, KEY, [success(FIRST)], RULES)
    document = await stored(mock)
    assert document["_id"] == KEY.case_id
    assert document["canonicalExecutionId"] == FIRST
    assert document["executions"][0]["lidTime"].startswith("20")
    assert not [name for name in document if "_" in name[1:]]


async def test_what_is_stored_is_read_back_as_it_was(mock: Database) -> None:
    await write_case(mock, KEY, [success(FIRST), success(SECOND)], RULES)
    document = await stored(mock)
    record = CaseRecord.model_validate(document).stored()
    assert record == {name: value for name, value in document.items() if name != "_id"}


async def test_every_write_raises_the_revision_by_one_and_no_change_writes_nothing(
    mock: Database,
) -> None:
    for lids, revision in (([FIRST], 1), ([SECOND, THIRD], 2), ([FIRST, THIRD], 2)):
        await write_case(mock, KEY, [success(lid) for lid in lids], RULES)
        assert (await stored(mock))["revision"] == revision
    assert [e["executionId"] for e in (await stored(mock))["executions"]] == sorted(
        [FIRST, SECOND, THIRD], key=lambda lid: lid.rpartition(".")[2]
    )


async def test_executions_behind_all_others_are_pushed(mock: Database) -> None:
    await write_case(mock, KEY, [success(lid) for lid in LIDS[:2]], RULES)
    await write_case(mock, KEY, [success(lid) for lid in LIDS[2:4]], RULES)
    change = cast(MockDatabase, mock).writes[0].change  # type: ignore[union-attr]
    pushed = [e["executionId"] for e in change["$push"]["executions"]["$each"]]
    assert pushed == LIDS[2:4]
    assert "executions" not in change["$set"]


async def test_an_execution_between_others_sets_the_array(mock: Database) -> None:
    await write_case(mock, KEY, [success(LIDS[0]), success(LIDS[2])], RULES)
    await write_case(mock, KEY, [success(LIDS[1])], RULES)
    change = cast(MockDatabase, mock).writes[0].change  # type: ignore[union-attr]
    assert len(change["$set"]["executions"]) == 3


async def test_only_what_has_changed_is_listed_anew(mock: Database) -> None:
    await write_case(mock, KEY, [success(lid) for lid in LIDS[1:5]], RULES)
    await write_case(mock, KEY, [success(LIDS[6])], RULES)
    assert len(cast(MockDatabase, mock).writes) == 2
    await write_case(mock, KEY, [success(LIDS[0])], RULES)  # becomes the canonical one
    assert len(cast(MockDatabase, mock).writes) == 7
    listed = await mock.executions.find({"isCanonical": True})
    assert [execution["executionId"] for execution in listed] == [LIDS[0]]


async def test_a_case_of_very_many_executions_goes_on_in_overflow_documents(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_documents, "MAX_EXECUTIONS", 3)
    for lids in (LIDS[1:3], LIDS[3:9], LIDS[9:11], LIDS[:1], LIDS[11:]):
        await write_case(database, KEY, [success(lid) for lid in lids], RULES)
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
    monkeypatch.setattr(case_documents, "MAX_BYTES", 4000)
    await write_case(database, KEY, [success(lid) for lid in LIDS], RULES)
    overflows = await database.case_overflows.find({})
    assert len(overflows) > 1
    assert all(overflow["executions"] for overflow in overflows)


@pytest.mark.parametrize(
    ("share", "length"),
    [
        pytest.param(0.5, 1, id="less than one"),
        pytest.param(1.5, 1, id="one"),
        pytest.param(2.5, 2, id="two"),
    ],
)
async def test_documents_hold_as_many_executions_as_fit(
    database: Database, monkeypatch: pytest.MonkeyPatch, share: float, length: int
) -> None:
    given = [success(lid, source_path="/x") for lid in LIDS[:8]]
    size = encoded_size(merge(None, KEY, given, NOW, RULES).case.executions[-1].stored())
    monkeypatch.setattr(case_documents, "MAX_BYTES", int(size * share))
    await write_case(database, KEY, given, RULES)
    case = await read_case(database, KEY.case_id)
    assert case is not None
    assert case.lengths == (length,) * (8 // length)


async def test_listed_executions_show_what_the_case_holds(mock: Database) -> None:
    await write_case(mock, KEY, [success(THIRD)], RULES)
    changes = [
        [failure(SECOND, case_group="g")],
        [success(SECOND, case_group="g")],
        [failure(FIRST, case_group="h")],
        [success(FIRST, {"compiler": "intel"}, case_group="h")],
    ]
    for change in changes:
        await write_case(mock, KEY, change, RULES)
        case = (await reading(mock)).record
        expected = [listed_document(case, KEY.case_id, own) for own in case.executions]
        found = {document["_id"]: document for document in await mock.executions.find({})}
        assert found == {document["_id"]: document for document in expected}


async def test_the_kind_of_simulation_is_shown_with_every_execution(mock: Database) -> None:
    await write_case(mock, KEY, [success(FIRST), success(SECOND)], RULES)
    before = await reading(mock)
    after = before.record.model_copy(deep=True)
    after.annotations.simulation_type = after.simulation_type = "production"
    after.executions = before.record.executions
    assert await store_case(mock, KEY.case_id, before, after)
    listed = await mock.executions.find({})
    assert [each["simulationType"] for each in listed] == ["production"] * 2


async def test_of_two_writers_on_one_revision_one_has_to_read_again(database: Database) -> None:
    await write_case(database, KEY, [success(LIDS[0])], RULES)
    before = await read_case(database, KEY.case_id)
    await write_case(database, KEY, [success(LIDS[1])], RULES)
    assert before is not None
    outdated = before.record.model_copy(update={"note": "x", "compiler": "other"})
    assert not await store_case(database, KEY.case_id, before, outdated)
    assert (await stored(database))["executionCount"] == 2


async def test_a_listing_is_not_made_anew_of_a_case_that_has_changed(database: Database) -> None:
    await write_case(database, KEY, [success(FIRST)], RULES)
    before = await read_case(database, KEY.case_id)
    assert before is not None
    await write_case(database, KEY, [success(SECOND)], RULES)
    await database.executions.delete({})
    assert not await relist_case(database, KEY.case_id, before, before.record)
    now = await read_case(database, KEY.case_id)
    assert now is not None
    assert await relist_case(database, KEY.case_id, now, now.record)
    assert await database.executions.count({}) == 2


async def reading(database: Database) -> StoredCase:
    case = await read_case(database, KEY.case_id)
    assert case is not None
    return case


async def test_a_case_that_shrinks_leaves_nothing_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_documents, "MAX_EXECUTIONS", 3)
    await write_case(database, KEY, [success(lid) for lid in LIDS[:8]], RULES)
    for kept, sizes in ((LIDS[:7], [3, 3, 1]), (LIDS[:5], [3, 2]), (LIDS[2:4], [2])):
        before = await reading(database)
        executions = [e for e in before.record.executions if e.execution_id in kept]
        after = before.record.model_copy(
            update={"executions": executions, "execution_count": len(kept)}
        )
        assert await store_case(database, KEY.case_id, before, after)
        found = await reading(database)
        assert [e.execution_id for e in found.record.executions] == kept
        assert [size for size in found.lengths if size] == sizes
        listed = await database.executions.find({})
        assert {e["executionId"] for e in listed} == set(kept)
    assert await database.case_overflows.count({}) == 0


async def test_a_change_in_an_overflow_document_is_a_change_of_the_case(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_documents, "MAX_EXECUTIONS", 3)
    await write_case(database, KEY, [success(lid) for lid in LIDS[:8]], RULES)
    before = await reading(database)
    *others, last = before.record.executions
    changed = [*others, last.model_copy(update={"git_describe": "v4"})]
    after = before.record.model_copy(update={"executions": changed})
    assert await store_case(database, KEY.case_id, before, after)
    found = (await reading(database)).record
    assert found.executions == changed
    assert found.revision == before.record.revision + 1
    assert found.updated_at > before.record.updated_at


async def test_what_is_written_with_a_case_needs_a_change_of_it(database: Database) -> None:
    await write_case(database, KEY, [success(FIRST)], RULES)

    def rewrite(compiler: str, own_id: str) -> Rewriter[str]:
        entry = Insert(database.edits, {"_id": own_id})

        def rewritten(case: CaseRecord | None) -> CaseRewrite[str]:
            assert case is not None
            return CaseRewrite(case.model_copy(update={"compiler": compiler}), own_id, (entry,))

        return rewritten

    for compiler, own_id in (("other", "x"), ("other", "y"), ("third", "z")):
        assert await rewrite_case(database, KEY.case_id, rewrite(compiler, own_id), 5) == own_id
    assert [each["_id"] for each in await database.edits.find({})] == ["x", "z"]


async def test_a_case_that_is_to_stay_is_left(database: Database) -> None:
    await write_case(database, KEY, [success(FIRST)], RULES)

    def leave(_: CaseRecord | None) -> CaseRewrite[str] | None:
        return None

    assert await rewrite_case(database, KEY.case_id, leave, 5) is None
    assert (await stored(database))["revision"] == 1


async def test_who_is_always_overtaken_gives_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overtaken(*_: Any) -> bool:
        return False

    monkeypatch.setattr(Database, "write", overtaken)
    record = merge(None, KEY, [success(FIRST)], NOW, RULES).case
    with pytest.raises(WriteConflictError):
        await rewrite_case(database, KEY.case_id, lambda _: CaseRewrite(record, None), 0.05)


async def test_a_removed_case_leaves_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_documents, "MAX_EXECUTIONS", 3)
    other = CaseKey(KEY.machine, KEY.user, "other")
    await write_case(database, other, [success(lid) for lid in LIDS[:4]], RULES)
    expected = [await each.find({}) for each in collections(database)]
    await write_case(database, KEY, [success(lid) for lid in LIDS[:8]], RULES)
    displaced, forgotten = listed_id(KEY.case_id, LIDS[0]), listed_id(KEY.case_id, LIDS[11])
    await database.executions.update({"_id": displaced}, {"$set": {"caseId": "none"}})
    await database.executions.insert({"_id": forgotten, "caseId": KEY.case_id})
    assert await remove_case(database, KEY.case_id, await reading(database))
    assert [await each.find({}) for each in collections(database)] == expected


async def test_a_case_that_was_written_meanwhile_is_not_removed(database: Database) -> None:
    await write_case(database, KEY, [success(LIDS[0])], RULES)
    before = await reading(database)
    await write_case(database, KEY, [success(LIDS[1])], RULES)
    expected = [await each.find({}) for each in collections(database)]
    entry = Insert(database.edits, {"_id": "x"})
    assert not await remove_case(database, KEY.case_id, before, [entry])
    assert [await each.find({}) for each in collections(database)] == expected


def collections(database: Database) -> list[Collection]:
    return [database.cases, database.case_overflows, database.executions, database.edits]


@pytest.mark.parametrize("lids", [[], [THIRD]])
async def test_a_writer_that_comes_second_folds_into_what_the_first_has_written(
    database: Database, monkeypatch: pytest.MonkeyPatch, lids: list[str]
) -> None:
    if lids:
        await write_case(database, KEY, [success(lid) for lid in lids], RULES)

    write = Database.write

    async def overtaken(self: Database, writes: Sequence[Write]) -> bool:
        monkeypatch.setattr(Database, "write", write)
        other_process = Database(self._client, self.name, self.uri, self.seconds)
        await write_case(other_process, KEY, [success(SECOND)], RULES)
        return await write(self, writes)

    monkeypatch.setattr(Database, "write", overtaken)
    folded = await write_case(database, KEY, [success(FIRST)], RULES)
    executions = [e.execution_id for e in (await reading(database)).record.executions]
    assert executions == [FIRST, SECOND, *lids]
    assert [e.execution_id for e in folded.case.executions] == executions


async def test_a_dry_run_folds_and_writes_nothing(mock: Database) -> None:
    folded = await write_case(mock, KEY, [success(FIRST)], RULES, dry_run=True)
    assert folded.outcomes == {FIRST: "created"}
    assert await mock.cases.count({}) == 0


async def test_a_case_is_written_by_the_tables_that_are_given(mock: Database) -> None:
    own = VariationTable('[[expected]]\nclass = "lifecycle"\nkeys = ["compiler"]')
    given = [success(FIRST), success(SECOND, BASE | {"compiler": "intel"})]
    await write_case(mock, KEY, given, rules=DeltaRules(variation=own))
    assert (await stored(mock))["executions"][1]["changed"] == []
