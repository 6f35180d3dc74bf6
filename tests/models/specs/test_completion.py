"""Specs whose nodes come in several files, and what is known of their graphs then."""

import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from ingest.sample.specs import SpecSampleOptions, sample_documents
from ingest.specs.upload import upload_specs
from models.database.client import Database
from models.database.collection import Collection
from models.database.writes import Update, Write, apply_writes
from models.errors import DocumentTooLargeError
from models.specs.completion import complete_specs
from models.specs.deletion import delete_spec, find_references
from models.specs.store import write_specs
from models.specs.stored_graph import load_graph, native_document
from models.verify.difference import Difference
from models.verify.specs import verify_specs
from tests.support.spec_documents import Json, diamond, document, documents, on, package

_OF_GRAPH = ("compilers", "edges", "dependencies", "dependencyCount", "missing")


async def upload(database: Database, given: Any) -> None:
    uploaded = await upload_specs(database, json.dumps(given).encode(), "x.json")
    assert not [item.detail for item in uploaded.items if item.outcome == "rejected"]


async def graphs_of(database: Database) -> dict[str, Json]:
    stored = await database.specs.find({"tombstone": None})
    return {each["_id"]: {name: each[name] for name in _OF_GRAPH} for each in stored}


async def whole(database: Database, given: Any) -> dict[str, Json]:
    await upload(database, given)
    found = await graphs_of(database)
    await database.specs.delete({})
    return found


def nodes_of(given: Any) -> list[Json]:
    nodes: list[Json] = given["spec"]["nodes"]
    return nodes


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_nodes_that_come_one_by_one_have_the_graph_of_the_whole(
    database: Database, seed: int
) -> None:
    (given,) = sample_documents(SpecSampleOptions(documents=1, seed=seed))
    expected = await whole(database, given)
    nodes = nodes_of(given)
    random.Random(seed).shuffle(nodes)
    while nodes:
        several = [nodes.pop() for _ in range(min(len(nodes), 1 + seed))]
        await upload(database, several)
    assert await graphs_of(database) == expected


async def test_nodes_that_come_at_the_same_time_have_the_graph_of_the_whole(
    database: Database,
) -> None:
    given = document(diamond())
    expected = await whole(database, given)
    await asyncio.gather(*(upload(database, [node]) for node in nodes_of(given)))
    assert await graphs_of(database) == expected


async def test_a_completed_spec_is_given_back_whole(database: Database) -> None:
    root = diamond()
    given = document(root)
    for node in nodes_of(given):
        await upload(database, [node])
    graph = await load_graph(database, root.hash)
    assert graph is not None
    assert nodes_of(native_document(graph)) == nodes_of(given)


async def test_what_a_completed_spec_stands_on_is_not_deleted(database: Database) -> None:
    leaf = package("leaf")
    root = package("root", on(leaf))
    await upload(database, document(leaf))
    await upload(database, [root.native])
    stored = await database.specs.find_one({"_id": leaf.hash})
    assert stored is not None
    assert (await find_references(database, stored)).specs == (root.hash,)


async def test_what_an_incomplete_spec_names_is_not_deleted(database: Database) -> None:
    leaf = package("leaf")
    root = package("root", on(leaf))
    await write_specs(database, documents([root.native]))
    await write_specs(database, documents(document(leaf)))
    stored = await database.specs.find_one({"_id": leaf.hash})
    assert stored is not None
    assert (await find_references(database, stored)).specs == (root.hash,)


async def test_a_tombstone_completes_nothing(database: Database) -> None:
    leaf = package("leaf")
    root = package("root", on(leaf))
    await upload(database, document(leaf))
    await upload(database, [root.native])
    assert await delete_spec(database, leaf.hash, force=True)
    other = package("other", on(leaf))
    await upload(database, [other.native])
    assert (await graphs_of(database))[other.hash]["missing"] == [leaf.hash]
    await upload(database, document(leaf))
    assert (await graphs_of(database))[other.hash]["missing"] == []


async def test_verify_finds_what_could_be_complete_and_mends_it(database: Database) -> None:
    given = document(diamond())
    expected = await whole(database, given)
    for node in nodes_of(given):
        await write_specs(database, documents([node]))
    lacking = {own for own, graph in expected.items() if graph["dependencyCount"]}
    found = [each async for each in verify_specs(database, repair=True)]
    assert sorted(found, key=lambda each: each.document) == [
        Difference("specs", own, "dependencies") for own in sorted(lacking)
    ]
    assert await graphs_of(database) == expected
    assert [each async for each in verify_specs(database)] == []
    assert await complete_specs(database, expected.keys()) == 0


async def test_what_would_be_more_than_is_stored_stays_incomplete(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.specs.closure_limits.MAX_DEPENDENCIES", 3)
    chain = [package("last")]
    for number in range(4):
        chain.append(package(f"p{number}", on(chain[-1])))
    for each in reversed(chain):
        await upload(database, [each.native])
    counts = [len((await graphs_of(database))[each.hash]["missing"]) for each in chain]
    assert counts == [0, 0, 0, 1, 1]


async def test_a_node_that_is_called_otherwise_by_an_edge_completes_nothing(
    database: Database,
) -> None:
    leaf = package("leaf")
    named = package("other", extra={"dependencies": [
        {"name": "leef", "hash": leaf.hash, "parameters": {"deptypes": ["link"], "virtuals": []}}
    ]})  # fmt: skip
    above = package("above", on(named))
    await upload(database, [above.native])
    await upload(database, [named.native])
    before = await graphs_of(database)
    await upload(database, document(leaf))
    after = await graphs_of(database)
    assert {own: after[own] for own in before} == before
    assert before[above.hash]["missing"] == [leaf.hash]


async def test_a_spec_that_would_be_too_large_does_not_keep_others_from_being_complete(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = package("leaf")
    large, other = package("large", on(leaf)), package("other", on(leaf))
    for each in (large, other):
        await upload(database, [each.native])

    async def limited(collection: Collection, writes: Sequence[Write], session: Any = None) -> bool:
        if any(isinstance(each, Update) and each.query["_id"] == large.hash for each in writes):
            raise DocumentTooLargeError("a document exceeds the 16 MiB that MongoDB stores")
        return await apply_writes(collection, writes, session)

    monkeypatch.setattr("models.specs.completion.apply_writes", limited)
    await upload(database, document(leaf))
    lacking = {own for own, graph in (await graphs_of(database)).items() if graph["missing"]}
    assert lacking == {large.hash}
