"""What a case stores, on mongomock, which answers these few operations as MongoDB does."""

from typing import Any

from mongomock_motor import AsyncMongoMockClient

from ingest.writer import write_case
from models.case import CaseRecord
from models.database import Collection
from tests.ingest.test_fold import FIRST, SECOND, THIRD, success


def cases() -> Collection:
    return Collection(AsyncMongoMockClient(tz_aware=True)["ledger"]["cases"])


async def stored(collection: Collection) -> dict[str, Any]:
    found = await collection.find({})
    assert len(found) == 1
    return found[0]


async def test_a_case_is_stored_by_its_camel_case_names() -> None:
    observation = success(FIRST)
    collection = cases()
    await write_case(collection, observation.key, [observation])
    document = await stored(collection)
    assert document["_id"] == observation.key.case_id
    assert document["canonicalExecutionId"] == FIRST
    assert document["executions"][0]["lidTime"].startswith("20")
    assert not [name for name in document if "_" in name[1:]]


async def test_what_is_stored_is_read_back_as_it_was() -> None:
    collection = cases()
    observation = success(FIRST)
    await write_case(collection, observation.key, [observation, success(SECOND)])
    document = await stored(collection)
    record = CaseRecord.model_validate(document).stored()
    assert record == {name: value for name, value in document.items() if name != "_id"}


async def test_every_write_raises_the_revision_by_one_and_no_change_writes_nothing() -> None:
    collection = cases()
    key = success(FIRST).key
    for lids, revision in (([FIRST], 1), ([SECOND, THIRD], 2), ([FIRST, THIRD], 2)):
        await write_case(collection, key, [success(lid) for lid in lids])
        assert (await stored(collection))["revision"] == revision
    assert [e["executionId"] for e in (await stored(collection))["executions"]] == sorted(
        [FIRST, SECOND, THIRD], key=lambda lid: lid.rpartition(".")[2]
    )
