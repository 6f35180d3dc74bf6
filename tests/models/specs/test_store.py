"""Specs in the database: stored once, whichever way and how often they come."""

import asyncio
import copy
import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as given_any

from ingest.sample.specs import SpecSampleOptions, sample_documents
from models.database.client import Database
from models.database.collection import Collection
from models.database.writes import Delete, Insert
from models.errors import DatabaseError
from models.spack.dag_hash import verify_all
from models.spack.graph import BUILD, LINK_RUN
from models.specs import store as spec_store
from models.specs.deletion import delete_spec
from models.specs.document import Provenance
from models.specs.node_documents import NodeDocuments, identities
from models.specs.spec import SpecRecord
from models.specs.store import WriteResult, stored_provenance, write_specs
from tests.support.spec_documents import (
    FORMATS,
    Json,
    Package,
    diamond,
    document,
    documents,
    graphs,
    lockfile,
    manifest,
    on,
    package,
    packed,
    same,
)
from tests.support.spec_documents import (
    database as index,
)

_BOOKKEEPING = {"createdAt", "updatedAt", "ingestionId", "provenance"}


async def _write(database: Database, given: Any, name: str = "x.json") -> list[WriteResult]:
    return await write_specs(database, documents(given, name))


async def _all(database: Database) -> dict[str, Json]:
    return {each["_id"]: each for each in await database.specs.find({})}


def _content(stored: dict[str, Json]) -> Any:
    return {
        id_: {name: value for name, value in each.items() if name not in _BOOKKEEPING}
        for id_, each in stored.items()
    }


async def test_every_node_is_a_document_of_its_own(database: Database) -> None:
    app = diamond()
    (written,) = await _write(database, document(app))
    assert (written.outcome, written.id) == ("created", app.hash)
    stored = await _all(database)
    assert {each["name"] for each in stored.values()} == {"app", "mid", "leaf", "tool"}
    assert same(stored[app.hash]["spec"], app.native)
    assert [id_ for id_, each in stored.items() if each["isRoot"]] == [app.hash]
    for each in stored.values():
        SpecRecord.model_validate(each)
        assert each.keys() - {"_id"} == {
            field.alias for field in SpecRecord.model_fields.values() if field.alias
        }


async def test_the_closure_tells_how_a_dependency_is_reached(database: Database) -> None:
    app = diamond()
    await _write(database, document(app))
    stored = (await _all(database))[app.hash]
    told = {
        each["name"]: (each["scope"], each["direct"], each["types"], each["virtuals"])
        for each in stored["dependencies"]
    }
    assert told == {
        "leaf": ("run", True, ["build", "link", "run"], ["zlib-api"]),
        "mid": ("run", True, ["build", "link"], ["mpi"]),
        "tool": ("build", True, ["build"], []),
    }
    assert [each["name"] for each in stored["edges"]] == ["leaf", "mid", "tool"]


async def test_what_is_known_is_not_written_again(database: Database) -> None:
    given = document(diamond())
    await _write(database, given)
    before = await _all(database)
    (again,) = await _write(database, given)
    assert again.outcome == "unchanged"
    assert await _all(database) == before


async def test_a_new_source_is_noted_beside_the_others(database: Database) -> None:
    app = diamond()
    await _write(database, document(app), "a.json")
    (second,) = await _write(database, document(app), "b.json")
    (third,) = await _write(database, document(app), "a.json")
    assert (second.outcome, third.outcome) == ("updated", "unchanged")
    stored = (await _all(database))[app.hash]
    assert [each["file"] for each in stored["provenance"]] == ["a.json", "b.json"]


async def test_a_dependency_becomes_a_root_when_it_is_submitted(database: Database) -> None:
    app = diamond()
    leaf = app.dependencies[0].package
    await _write(database, document(app))
    (written,) = await _write(database, document(leaf))
    assert written.outcome == "created"
    assert (await _all(database))[leaf.hash]["isRoot"]


async def test_the_order_of_uploads_does_not_matter(database: Database) -> None:
    made = [document(diamond()), document(diamond(leaf="1.4")), document(diamond(4), 4)]
    for each in made:
        await _write(database, each)
    first = _content(await _all(database))
    await database.write([Delete(database.specs, id_) for id_ in await _all(database)])
    await write_specs(database, [d for each in reversed(made) for d in documents(each)])
    assert _content(await _all(database)) == first


async def test_statements_do_not_grow_with_the_nodes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    kind = type(database.specs)
    for name in ("find", "bulk_write"):
        _count_calls(monkeypatch, kind, name, calls)
    for size in (2, 40):
        calls.clear()
        chain = package("p0", version=str(size))
        for number in range(1, size):
            chain = package(f"p{number}", on(chain))
        given = document(chain)
        await _write(database, given)
        assert calls == ["find", "bulk_write"]
        calls.clear()
        await _write(database, given)
        assert calls == ["find"]


def _count_calls(
    monkeypatch: pytest.MonkeyPatch, kind: type[Any], name: str, calls: list[str]
) -> None:
    original = getattr(kind, name)

    async def counted(self: Any, *arguments: Any, **options: Any) -> Any:
        calls.append(name)
        return await original(self, *arguments, **options)

    monkeypatch.setattr(kind, name, counted)


@pytest.mark.slow
async def test_sixteen_uploads_at_once_store_one_set(database: Database) -> None:
    made = list(sample_documents(SpecSampleOptions(3)))
    for given in made:
        written = await asyncio.gather(*(_write(database, given) for _ in range(16)))
        assert {each.outcome for (each,) in written} <= {"created", "updated", "unchanged"}
        assert sum(each.outcome == "created" for (each,) in written) <= 1
    stored = await _all(database)
    assert stored.keys() == {node["hash"] for given in made for node in given["spec"]["nodes"]}
    assert all(len(each["provenance"]) <= 1 for each in stored.values())


async def test_a_write_that_fails_leaves_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spec_store, "IMPORT_RETRY_SECONDS", 0)
    monkeypatch.setattr(spec_store, "Insert", _third_fails())
    with pytest.raises(DatabaseError, match="try again"):
        await _write(database, document(diamond()))
    assert await _all(database) == {}


def _third_fails() -> Any:
    made: list[Json] = []

    def insert(collection: Collection, stored: Json) -> Insert:
        made.append(stored)
        return Insert(collection, made[0] if len(made) == 3 else stored)

    return insert


def _spliced(tool_version: str) -> Package:
    """Return a spliced node; it keeps its hash whatever tool is below, as real ones do."""
    old, new = package("z", version="1.2"), package("z", version="1.3")
    tool = package("tool", version=tool_version)
    built = package("app", on(old, "build link"))
    made = package("app", on(new, "link"), on(tool, "build"), build_spec=built)
    made.native["hash"] = "s" * 32
    return made


async def test_two_contents_under_one_hash_stand_beside_each_other(database: Database) -> None:
    for version in ("1", "2", "1"):
        await _write(database, document(_spliced(version)))
    found = await database.specs.find({"hashes": "s" * 32})
    assert len(found) == 2
    for each in found:
        assert each["_id"].startswith("s" * 32 + "~")
        assert (each["hashVerified"], each["hashReason"]) == (None, "spliced")
        assert each["builtAs"]["known"]
        assert [entry["version"] for entry in each["builtWith"]] == ["1.2"]


async def test_what_stands_on_two_contents_is_two_specs_as_well(database: Database) -> None:
    for version in ("1", "2"):
        await _write(database, document(package("top", on(_spliced(version)))))
    tops = await database.specs.find({"name": "top"})
    below = {each["dependencies"][0]["id"] for each in tops}
    assert len({each["_id"] for each in tops}) == len(below) == 2


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_nodes_of_old_lockfiles_share_a_hash_and_not_a_document(
    database: Database, version: int
) -> None:
    app = diamond({1: 1, 2: 1, 3: 2}[version])
    await _write(database, lockfile([(app, "app")], version))
    stored = await _all(database)
    assert {each["name"] for each in stored.values()} == {"app", "mid", "leaf", "tool"}
    root = next(each for each in stored.values() if each["name"] == "app")
    assert root["provenance"] == [
        {"origin": "environment", "file": "x.json", "isRoot": True, "userSpec": "app"}
    ]


async def test_a_database_says_what_is_explicit(database: Database) -> None:
    app = diamond()
    await _write(database, index([app]), "tree/.spack-db/index.json")
    stored = {each["name"]: each for each in (await _all(database)).values()}
    assert {name: each["isExplicit"] for name, each in stored.items()} == {
        "app": True, "mid": False, "leaf": False, "tool": False
    }  # fmt: skip
    assert stored["app"]["provenance"][0]["installationTime"] == 1744963943.3079917
    assert "/secret" not in json.dumps(stored["app"]["provenance"])
    assert [name for name, each in stored.items() if each["isRoot"]] == ["app"]


async def test_a_later_complete_document_completes_a_closure(database: Database) -> None:
    app = diamond()
    listed = [each.package.native for each in app.dependencies if each.package.name != "leaf"]
    await _write(database, [app.native, *listed])
    stored = (await _all(database))[app.hash]
    assert len(stored["missing"]) == 1
    assert [each.get("missing", False) for each in stored["edges"]] == [True, False, False]
    (written,) = await _write(database, document(app))
    assert written.outcome == "updated"
    whole = (await _all(database))[app.hash]
    assert whole["missing"] == []
    assert len(whole["dependencies"]) == 3
    await _write(database, [app.native, *listed], "again.json")
    assert (await _all(database))[app.hash]["dependencies"] == whole["dependencies"]


async def test_a_tombstone_gives_way_to_the_spec_when_it_comes_again(
    database: Database,
) -> None:
    app = diamond()
    await _write(database, document(app))
    grave = {"name": "app", "version": "2.1", "reason": "x"}
    await database.specs.update({"_id": app.hash}, {"$set": {"tombstone": grave}})
    (written,) = await _write(database, document(app))
    assert written.outcome == "created"
    assert (await _all(database))[app.hash]["tombstone"] is None


async def test_a_dependency_that_was_deleted_is_news_when_it_comes_again(
    database: Database,
) -> None:
    app = diamond()
    leaf = app.dependencies[0].package
    await _write(database, document(app))
    await delete_spec(database, leaf.hash, force=True)
    (written,) = await _write(database, document(app))
    assert written.outcome == "updated"
    assert leaf.hash in written.hashes
    assert (await _all(database))[leaf.hash]["tombstone"] is None


@pytest.mark.slow
async def test_one_that_is_too_large_costs_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = package("large", extra={"patches": ["x" * (17 * 2**20)]})
    given = [*documents(document(diamond())), *documents(document(large))]
    written = await write_specs(database, given)
    assert [(each.outcome, each.reason) for each in written] == [
        ("created", ""), ("rejected", "too_large")
    ]  # fmt: skip


async def test_the_closures_of_a_file_are_derived_once_for_all_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr(
        "models.specs.node_documents.identities",
        lambda *args: made.append(1) or identities(*args),  # type: ignore[func-returns-value]
    )
    found = documents(index([package(f"p{number}") for number in range(4)]))
    derived: spec_store.DerivedGraphs = {}
    for each in found:
        await write_specs(database, [each], derived=derived)
    assert len(made) == 1
    assert len(await _all(database)) == 4


async def test_a_reference_of_the_driver_is_kept_as_text(database: Database) -> None:
    extra = {"external": {"path": None, "extra_attributes": {"a": {"$ref": "b", "$id": "c"}}}}
    made = package("odd", extra=extra)
    await _write(database, document(made))
    stored = (await _all(database))[made.hash]
    assert stored["spec"] is None
    assert same(json.loads(stored["specText"]), made.native)


async def test_so_is_one_in_a_blob_that_a_manifest_names(database: Database) -> None:
    made = package("odd", extra={"odd": {"$ref": "b", "$id": "c"}})
    blob = gzip.compress(packed(document(made)))
    found = documents(manifest(blob), "odd.spec.manifest.json", fetch=lambda _: blob)
    await write_specs(database, found)
    stored = (await _all(database))[made.hash]
    assert same(json.loads(stored["specText"]), made.native)


async def test_names_that_are_hard_for_mongodb_are_kept(database: Database) -> None:
    extra = {"external": {"path": "/x", "extra_attributes": {"a.b": 1, "$c": {"": 1.0}, "_id": 2}}}
    made = package("odd", extra=extra, parameters={"v.w": True, "$x": "y", "n": ["1"]})
    await _write(database, document(made))
    stored = (await _all(database))[made.hash]
    assert same(stored["spec"], made.native)
    assert stored["variants"] == {"v\u2024w": True, "\uff04x": "y", "n": ["1"]}


async def test_a_dry_run_writes_nothing(database: Database) -> None:
    (written,) = await write_specs(database, documents(document(diamond())), dry_run=True)
    assert written.outcome == "created"
    assert await _all(database) == {}


async def test_credentials_are_noted_at_the_node_that_holds_them(database: Database) -> None:
    extra = {"external": {"path": "/x", "extra_attributes": {"TOKEN": "ghp_" + "a" * 36}}}
    made = package("top", on(package("odd", extra=extra)))
    await _write(database, document(made))
    stored = {each["name"]: each["credentials"] for each in (await _all(database)).values()}
    assert stored == {"top": [], "odd": ["external.extra_attributes.TOKEN"]}


def test_credentials_in_the_name_of_a_file_are_masked() -> None:
    found = stored_provenance(Provenance("mirror", "https://me:secret@host/x.json"))
    assert found["file"] == "https://***@host/x.json"


@pytest.mark.parametrize("form", FORMATS)
def test_ids_do_not_depend_on_the_order_of_nodes(form: int) -> None:
    given = document(diamond(form), form)
    turned = copy.deepcopy(given)
    nodes = turned["spec"] if form == 1 else turned["spec"]["nodes"]
    nodes[1:] = reversed(nodes[1:])
    (first,), (second,) = documents(given), documents(turned)
    assert identities(first.graph, first.verifications) == identities(
        second.graph, second.verifications
    )


@given_any(graphs())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_closure_has_every_node_below_once(root: Package) -> None:
    (found,) = documents(document(root))
    graph = found.graph
    derivation = NodeDocuments(graph, verify_all(graph))
    for key in graph.nodes:
        entries = derivation.dependencies(key)
        by_scope = {
            scope: {each["hash"] for each in entries if each["scope"] in scopes}
            for scope, scopes in {"run": ["run"], "build": ["run", "build"]}.items()
        }
        assert sorted(each["hash"] for each in entries) == sorted(graph.closure(key))
        assert by_scope["run"] == set(graph.closure(key, LINK_RUN))
        assert by_scope["build"] == set(graph.closure(key, BUILD))
        assert {e["hash"] for e in entries if e["direct"]} == {e.child for e in graph.edges[key]}
