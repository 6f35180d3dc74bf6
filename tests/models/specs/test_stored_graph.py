"""Stored specs, given back: as documents, DAGs, trees, DOT; and what deletion leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.database.client import Database
from models.errors import WriteConflictError
from models.specs.comparison import compare_specs
from models.specs.deletion import References, ReferredToError, delete_spec
from models.specs.document import SpecDocument
from models.specs.file_store import store_file
from models.specs.reach import RUN, TO_BUILD, reach_of
from models.specs.spec_file import load_file
from models.specs.store import write_specs
from models.specs.stored_graph import (
    IncompleteSpecError,
    StoredGraph,
    dag,
    dependencies_of,
    dependents_filter,
    dot,
    find_ids,
    load_graph,
    native_document,
)
from models.specs.tree import tree
from tests.support.spec_documents import (
    FORMATS,
    Json,
    clear_signed,
    diamond,
    document,
    documents,
    lockfile,
    on,
    package,
    packed,
    same,
)
from tests.support.spec_documents import (
    database as index,
)


async def _stored(database: Database, given: Any) -> tuple[list[SpecDocument], StoredGraph]:
    found = documents(given)
    written = await write_specs(database, found)
    graph = await load_graph(database, written[0].id)
    assert graph is not None
    return found, graph


@pytest.mark.parametrize("form", FORMATS)
async def test_a_document_comes_back_equal(database: Database, form: int) -> None:
    given = document(diamond(form), form)
    _, graph = await _stored(database, given)
    assert same(native_document(graph), given)


@pytest.mark.parametrize("form", FORMATS)
async def test_a_dependency_has_a_document_of_its_own(database: Database, form: int) -> None:
    app = diamond(form)
    mid = next(each.package for each in app.dependencies if each.package.name == "mid")
    await _stored(database, document(app, form))
    (found,) = await find_ids(database, mid.native["hash"])
    graph = await load_graph(database, found["_id"])
    assert graph is not None
    assert same(native_document(graph), document(mid, form))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"binary_cache_checksum": {"hash": "x"}, "a.b": {"$c": 1}}, id="more keys"),
        pytest.param({"spec": {"_meta": {"version": 5, "new": True}}}, id="more meta"),
        pytest.param({"spec": {"_meta": {"version": 5}, "later": [1]}}, id="more beside nodes"),
    ],
)
async def test_what_stands_around_the_nodes_comes_back(database: Database, change: Json) -> None:
    given = document(diamond())
    nodes = given["spec"]["nodes"]
    given = {**given, **change}
    given["spec"] = {**given["spec"], "nodes": nodes}
    _, graph = await _stored(database, given)
    assert same(native_document(graph), given)


@pytest.mark.parametrize("form", FORMATS)
async def test_another_order_of_nodes_comes_back(database: Database, form: int) -> None:
    given = document(diamond(form), form)
    nodes = given["spec"] if form == 1 else given["spec"]["nodes"]
    nodes[1:] = reversed(nodes[1:])
    _, graph = await _stored(database, given)
    assert same(native_document(graph), given)


async def test_a_node_that_stands_twice_comes_back_twice(database: Database) -> None:
    given = document(diamond())
    given["spec"]["nodes"].append(dict(given["spec"]["nodes"][1]))
    _, graph = await _stored(database, given)
    assert same(native_document(graph), given)


async def test_each_form_that_was_submitted_comes_back(database: Database) -> None:
    plain = document(diamond())
    forms = [{**plain, "x": number} for number in range(3)]
    for each in forms:
        _, graph = await _stored(database, each)
    for number, each in enumerate(forms):
        assert same(native_document(graph, number), each)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_the_form_of_spack_is_one_of_them(database: Database, order: tuple[int, int]) -> None:
    plain = document(diamond())
    forms = [plain, {**plain, "buildcache_layout_version": 2}]
    for number in order:
        _, graph = await _stored(database, forms[number])
    for form, number in enumerate(order):
        assert same(native_document(graph, form), forms[number])


async def test_a_node_of_another_format_has_the_form_of_that(database: Database) -> None:
    plain = document(package("leaf"))
    newer = {"spec": {"_meta": {"version": 6}, "nodes": plain["spec"]["nodes"]}}
    for each in (plain, newer):
        _, graph = await _stored(database, each)
    assert [native_document(graph, form) for form in (0, 1)] == [plain, newer]


async def test_a_node_that_the_root_does_not_reach_comes_back(database: Database) -> None:
    given = document(diamond())
    given["spec"]["nodes"].append(package("other").native)
    _, graph = await _stored(database, given)
    assert same(native_document(graph), given)
    assert await delete_spec(database, package("other").hash)
    rest = await load_graph(database, graph.root)
    assert rest is not None
    with pytest.raises(IncompleteSpecError):
        native_document(rest)


async def test_a_spliced_document_comes_back_with_its_build_spec(database: Database) -> None:
    built = package("app", on(package("z", version="1.2"), "build link"))
    given = document(package("app", on(package("z", version="1.3"), "link"), build_spec=built))
    _, graph = await _stored(database, given)
    assert same(native_document(graph), given)
    assert len(dag(graph)["nodes"]) == 2


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 7])
async def test_a_lockfile_comes_back_equal(database: Database, version: int) -> None:
    form = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4}.get(version, 5)
    given = lockfile([(diamond(form), "app"), (diamond(form, "1.4"), "app")], version)
    await _back(database, given)


@pytest.mark.parametrize("version", ["5", "6", "7", "8"])
async def test_a_database_comes_back_equal(database: Database, version: str) -> None:
    form = {"5": 1, "6": 3, "7": 4}.get(version, 5)
    await _back(database, index([diamond(form)], version))


async def _back(database: Database, given: Json) -> None:
    found = documents(given)
    written = await write_specs(database, found)
    ids = {id_ for each in written for id_ in each.node_ids}
    container = found[0].container
    assert container is not None
    digest = await store_file(database, container, found, ids)
    assert await store_file(database, container, found, ids) == digest
    assert same(await load_file(database, digest), given)
    part = await store_file(database, container, found, set(list(ids)[1:]))
    assert same(await load_file(database, part), given)


async def test_a_signed_document_comes_back_without_its_signature(database: Database) -> None:
    given = document(diamond())
    _, graph = await _stored(database, clear_signed(packed(given).decode()))
    assert same(native_document(graph), given)


async def test_hashes_are_found_by_their_beginning(database: Database) -> None:
    app = diamond(2)
    await _stored(database, document(app, 2))
    for name in ("hash", "full_hash", "build_hash"):
        (found,) = await find_ids(database, app.native[name][:9])
        assert found["name"] == "app"
    assert len(await find_ids(database, "")) == 4
    assert await find_ids(database, "~") == []


async def test_nodes_edges_tree_and_dot_of_a_graph(database: Database) -> None:
    app = diamond()
    _, graph = await _stored(database, document(app))
    whole = dag(graph)
    assert (len(whole["nodes"]), len(whole["edges"])) == (4, 5)
    assert {each["name"] for each in dag(graph, RUN)["nodes"]} == {"app", "leaf", "mid"}
    lines = tree(graph).splitlines()
    assert [line.split("@")[0].split("  ", 1)[1] for line in lines] == [
        "app", "    ^leaf", "    ^mid", "    ^tool"
    ]  # fmt: skip
    assert lines[1].endswith("+pic platform=linux os=debian12 target=icelake")
    assert lines[0].startswith(app.hash[:7])
    drawn = dot(graph)
    assert drawn.count(" -> ") == 5
    assert f'"{app.hash}" [label="app@2.1\\n/{app.hash[:7]}"]' in drawn


async def test_a_graph_of_some_types_has_no_edges_of_others(database: Database) -> None:
    leaf = package("leaf")
    mid = package("mid", on(leaf, "build"))
    app = package("app", on(mid, "link"), on(leaf, "run"))
    _, graph = await _stored(database, document(app))
    ends = {(edge["parent"], edge["child"]) for edge in dag(graph, RUN)["edges"]}
    assert ends == {(app.hash, mid.hash), (app.hash, leaf.hash)}
    assert len(dag(graph, TO_BUILD)["edges"]) == 3
    assert [edge["types"] for edge in dag(graph, reach_of(["run"]))["edges"]] == [["run"]]
    depths = [line.split("  ", 1)[1].count("    ") for line in tree(graph, RUN).splitlines()]
    assert depths == [0, 1, 1]


async def test_a_graph_tells_which_of_its_nodes_are_not_stored(database: Database) -> None:
    leaf = package("leaf")
    mid = package("mid", on(leaf))
    app = package("app", on(mid))
    await _stored(database, document(app))
    assert await delete_spec(database, mid.hash, force=True)
    graph = await load_graph(database, app.hash)
    assert graph is not None
    gone = [{"id": mid.hash, "name": "mid"}]
    assert dag(graph)["missing"] == gone
    assert [edge["child"] for edge in dag(graph)["edges"]] == [mid.hash]
    assert "^mid (not stored)" in tree(graph).splitlines()[1]
    assert "style=dashed" in dot(graph)
    assert compare_specs(graph, graph)["missing"] == {"left": gone, "right": gone}


async def test_true_and_one_are_different_values_of_a_variant(database: Database) -> None:
    _, left = await _stored(database, document(package("app", parameters={"x": True, "y": 1})))
    _, right = await _stored(database, document(package("app", parameters={"x": 1, "y": 1})))
    changes = compare_specs(left, right)["root"]
    assert changes == [{"what": "variant.x", "left": True, "right": 1}]


async def test_a_tree_shows_nodes_as_spack_writes_them(database: Database) -> None:
    parameters = {"x": True, "y": False, "api": "v1", "l": ["b", "c++"], "cflags": ["-g", "-O2"]}
    patches = ["f" * 64, "e" * 64]
    app = package("app", extra={"parameters": parameters, "patches": patches})
    _, graph = await _stored(database, document(app))
    architecture = "platform=linux os=debian12 target=icelake"
    assert tree(graph) == (
        f"{app.hash[:7]}  app@=1.0 cflags='-g -O2' +x~y api=v1 l:='b,c++' patches:=eeeeeee,fffffff"
        f" {architecture}\n"
    )


async def test_a_tree_has_each_node_below_the_nearest_that_needs_it(database: Database) -> None:
    libiconv = package("libiconv")
    bbb = package("bbb", on(libiconv))
    top = package("top", on(package("aaa", on(bbb))), on(bbb))
    _, graph = await _stored(database, document(top))

    def places(text: str) -> list[tuple[int, str]]:
        marked = [line.split("  ", 1)[1].split("@")[0] for line in text.splitlines()]
        return [(mark.count("    "), mark.strip(" ^")) for mark in marked]

    assert places(tree(graph)) == [(0, "top"), (1, "aaa"), (1, "bbb"), (2, "libiconv")]
    deep = [(0, "top"), (1, "aaa"), (2, "bbb"), (3, "libiconv")]
    assert places(tree(graph, depth_first=True)) == deep


async def test_dependents_are_asked_for_by_distance_and_type(database: Database) -> None:
    app = diamond()
    _, graph = await _stored(database, document(app))
    (leaf,) = [each for each in graph.documents.values() if each["name"] == "leaf"]

    async def names(**narrowing: Any) -> set[str]:
        query = dependents_filter(leaf, **narrowing)
        return {each["name"] for each in await database.specs.find(query)}

    assert await names() == {"app", "mid", "tool"}
    assert await names(direct=True, types=["build"]) == {"mid"}
    assert await names(reach=RUN, roots=True) == {"app"}
    assert await names(reach=None) == {"app", "mid", "tool"}
    root = graph.documents[app.hash]
    assert {each["name"] for each in dependencies_of(root, direct=True, types=["link"])} == {
        "mid",
        "leaf",
    }


async def test_what_others_stand_on_is_not_deleted(database: Database) -> None:
    app = diamond()
    await _stored(database, document(app))
    leaf = app.dependencies[0].package.hash
    with pytest.raises(ReferredToError, match=app.hash):
        await delete_spec(database, leaf)
    assert await delete_spec(database, leaf, force=True, reason="wrong")
    (grave,) = await find_ids(database, leaf)
    assert grave["tombstone"]["reason"] == "wrong"
    left = await load_graph(database, app.hash)
    assert left is not None
    with pytest.raises(IncompleteSpecError):
        native_document(left)
    assert not await delete_spec(database, leaf)
    assert await delete_spec(database, app.hash)
    assert await find_ids(database, app.hash) == []
    await write_specs(database, documents(document(app)))
    again = await load_graph(database, app.hash)
    assert again is not None
    assert same(native_document(again), document(app))


@pytest.mark.parametrize("length", [7, 32], ids=["of a run of tests", "whole"])
async def test_what_was_built_is_not_deleted(database: Database, length: int) -> None:
    app = diamond()
    await _stored(database, document(app))
    await database.builds.insert({"_id": "b", "specHash": app.hash[:length]})
    with pytest.raises(ReferredToError, match="builds b"):
        await delete_spec(database, app.hash)


async def test_what_changes_meanwhile_is_not_deleted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = package("leaf")
    await _stored(database, document(leaf))

    async def changed(database: Database, _: Json) -> References:
        now = datetime.now(UTC) + timedelta(seconds=1)
        assert await database.specs.update({"_id": leaf.hash}, {"$set": {"updatedAt": now}})
        return References()

    monkeypatch.setattr("models.specs.deletion.find_references", changed)
    with pytest.raises(WriteConflictError):
        await delete_spec(database, leaf.hash)
    (left,) = await find_ids(database, leaf.hash)
    assert left["tombstone"] is None


@pytest.mark.parametrize("force", [False, True])
async def test_what_is_referred_to_meanwhile_does_not_vanish(
    database: Database, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    leaf = package("leaf")
    await _stored(database, document(leaf))
    before = await database.specs.find({})
    seen = iter((References(), References(builds=("b",))))

    async def late(_: Database, __: Json) -> References:
        return next(seen)

    monkeypatch.setattr("models.specs.deletion.find_references", late)
    if force:
        assert await delete_spec(database, leaf.hash, force=True)
        (grave,) = await find_ids(database, leaf.hash)
        assert grave["tombstone"] is not None
    else:
        with pytest.raises(ReferredToError, match="builds b"):
            await delete_spec(database, leaf.hash)
        assert await database.specs.find({}) == before


async def test_what_an_execution_ran_on_is_not_deleted(database: Database) -> None:
    app = diamond()
    await _stored(database, document(app))
    software = [{"name": "app", "version": "2.1", "hash": app.hash[:7], "source": "module"}]
    await database.executions.insert({"_id": "case/1", "software": software})
    with pytest.raises(ReferredToError, match="executions case/1"):
        await delete_spec(database, app.hash)
