"""Searches among stored specs: they find what a plain evaluation of the graphs finds."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ingest.sample.specs import SpecSampleOptions, sample_documents
from models.database.client import Database
from models.database.queries import and_query
from models.spack.graph import Graph
from models.spack.hash_prefix import hash_range
from models.spack.query import Dependency, Node, parse_query
from models.specs import search as spec_search
from models.specs.document import SpecDocument
from models.specs.node_documents import identities
from models.specs.reach import ALL, RUN, TO_BUILD, UnansweredReachError, reach_of
from models.specs.search import (
    Narrowing,
    TooBroadError,
    UnknownTargetError,
    VirtualPackageError,
    built_with,
    deployed_with,
    node_conditions,
    spec_filter,
)
from models.specs.store import write_specs
from tests.support.databases import NewDatabase
from tests.support.spec_documents import FORMATS, diamond, document, documents, on, package
from tests.support.spec_evaluation import matches
from tests.support.spec_queries import queries

Stored = dict[str, tuple[Graph, str]]


def _documents() -> list[SpecDocument]:
    found = [
        each for made in sample_documents(SpecSampleOptions(40, seed=7)) for each in documents(made)
    ]
    for form in FORMATS:
        found += documents(document(diamond(form), form))
    old, new = package("z", version="1.2.11"), package("z", version="1.3")
    built = package("app", on(old, "build link"), on(package("tool", on(old, "link")), "build"))
    spliced = package("app", on(new, "link"), build_spec=built)
    return [*found, *documents(document(spliced)), *documents(document(package("lib", on(new))))]


@pytest.fixture(scope="module")
async def corpus(new_database: NewDatabase) -> AsyncIterator[tuple[Database, Stored]]:
    async with new_database("test_spec_search") as database:
        found = _documents()
        await write_specs(database, found)
        stored: Stored = {}
        for each in found:
            for key, id_ in identities(each.graph, each.verifications).items():
                stored[id_] = (each.graph, key)
        yield database, stored


async def _found(database: Database, text: str, **narrowing: Any) -> set[str]:
    query = await spec_filter(database, parse_query(text), Narrowing(**narrowing))
    return {each["_id"] for each in await database.specs.find(query, {"_id": 1})}


@pytest.mark.parametrize("text", ["target=zne2", "hdf5 target=x86_64_v3:zne2", "^hdf5 target=zne2"])
async def test_a_target_that_nobody_has_is_refused(
    corpus: tuple[Database, Stored], text: str
) -> None:
    with pytest.raises(UnknownTargetError, match="target zne2; a similar one is zen2"):
        await _found(corpus[0], text)


@pytest.mark.slow
async def test_two_hundred_queries_find_what_the_graphs_say(
    corpus: tuple[Database, Stored],
) -> None:
    database, stored = corpus
    hits = 0
    for text in queries(list(stored.values()), 220):
        expected = {
            id_ for id_, (graph, key) in stored.items() if matches(parse_query(text), graph, key)
        }
        assert await _found(database, text) == expected, text
        hits += bool(expected)
    assert hits > 150


@pytest.mark.parametrize(
    "text",
    [
        "hdf5@1.12:1.14 +mpi ~cxx build_type=Release %gcc@12: ^zlib@:1.2.12",
        "^zlib@1.2.11",
        "^mpi",
        "^[virtuals=mpi] openmpi",
        "^[deptypes=link] zlib-ng",
        "^gmake",
        "^c",
        "%",
        "os=* target=* platform=*",
        "%[virtuals=c] gcc",
        "%clang",
        "%llvm@14",
        "^hdf5 %gcc",
        "^* build_type=Debug",
        "netcdf-c target=x86_64_v3:",
        "app ^leaf@1.3",
        "app ^[virtuals=mpi] mid",
        "z",
        "*",
        "cflags='-O3'",
        "^nothing",
        "@git.main",
        "++shared",
        "~~mpi",
        "^hdf5 ++mpi",
        "++nothing",
        "build_type==Release",
        "%[when=%c] c=gcc",
        "^[when=+mpi] openmpi",
        "hdf5 ^[when=~mpi] nothing",
        "^hdf5 %[when='@1.14:'] gcc",
    ],
)
async def test_a_query_finds_what_the_graphs_say(
    corpus: tuple[Database, Stored], text: str
) -> None:
    database, stored = corpus
    query = parse_query(text)
    expected = {id_ for id_, (graph, key) in stored.items() if matches(query, graph, key)}
    assert await _found(database, text) == expected


@pytest.mark.parametrize("name", ["gmake", "zlib", "leaf", "tool"])
@pytest.mark.parametrize(
    "types",
    [
        {"link", "run"},
        {"build", "link", "run"},
        {"link"},
        {"run"},
        {"build"},
        {"test"},
        {"build", "link", "run", "test"},
    ],
)
async def test_a_closure_can_be_asked_apart(
    corpus: tuple[Database, Stored], name: str, types: set[str]
) -> None:
    database, stored = corpus
    assert await _found(database, f"^{name}", reach=reach_of(types)) == {
        id_ for id_, (graph, key) in stored.items()
        if any(graph.nodes[each].name == name for each in graph.closure(key, types))
    }  # fmt: skip


async def test_a_closure_that_is_not_recorded_is_refused(database: Database) -> None:
    with pytest.raises(UnansweredReachError, match="along build,link are not recorded"):
        await _found(database, "^zlib", reach=reach_of(["link", "build"]))


async def test_only_direct_dependencies_can_be_asked_for(corpus: tuple[Database, Stored]) -> None:
    database, stored = corpus
    assert await _found(database, "^hdf5", direct=True) == {
        id_ for id_, (graph, key) in stored.items()
        if any(graph.nodes[edge.child].name == "hdf5" for edge in graph.edges[key])
    }  # fmt: skip


@pytest.mark.parametrize("types", [("link", "run"), ("build",), ("test",)])
async def test_direct_dependencies_have_the_types_on_their_own_edge(
    corpus: tuple[Database, Stored], types: tuple[str, ...]
) -> None:
    database, stored = corpus
    expected = {
        id_ for id_, (graph, key) in stored.items()
        if any(edge.name == "zlib" and set(types) & set(edge.deptypes) for edge in graph.edges[key])
    }  # fmt: skip
    assert await _found(database, "^zlib", direct=True, types=types) == expected


async def test_built_with_one_version_and_deployed_with_another(
    corpus: tuple[Database, Stored],
) -> None:
    database, _ = corpus
    query = {
        "$and": [
            await built_with(database, parse_query("z@1.2.11")),
            await deployed_with(database, parse_query("z@1.3")),
        ]
    }
    found = await database.specs.find(query, {"isSpliced": 1, "name": 1})
    assert [(each["name"], each["isSpliced"]) for each in found] == [("app", True)]
    plain = {
        "$and": [
            await built_with(database, parse_query("z@1.3")),
            await deployed_with(database, parse_query("z@1.3")),
        ]
    }
    assert [each["name"] for each in await database.specs.find(plain)] == ["lib"]


@pytest.mark.parametrize("text", ["hdf5 +mpi", "mpi", "/{hash}", "zlib@1.2: %gcc", "* target=zen3"])
async def test_built_and_deployed_with_any_spec(corpus: tuple[Database, Stored], text: str) -> None:
    database, stored = corpus
    some = next(graph.nodes[key].hash for graph, key in stored.values())
    wanted = parse_query(text.format(hash=some[:12]))
    whole = Node(dependencies=(Dependency(wanted, direct=False),))
    for search, reach in ((built_with, TO_BUILD), (deployed_with, RUN)):
        query = and_query(await search(database, wanted), {"isSpliced": False})
        found = {each["_id"] for each in await database.specs.find(query, {"_id": 1})}
        expected = await spec_filter(database, whole, Narrowing(reach))
        other = await database.specs.find(and_query(expected, {"isSpliced": False}), {"_id": 1})
        assert found == {each["_id"] for each in other}
        assert found or text.startswith("/") or "target" in text


async def test_a_version_of_a_virtual_package_was_not_built_with(
    corpus: tuple[Database, Stored],
) -> None:
    with pytest.raises(VirtualPackageError, match="versions are not recorded"):
        await built_with(corpus[0], parse_query("mpi@4"))


async def test_nothing_is_built_with_what_only_tests_it(database: Database) -> None:
    check = on(package("check"), "test")
    built = package("app", on(package("z"), "link"), check)
    spliced = package("app", on(package("z", version="2"), "link"), build_spec=built)
    await write_specs(database, documents(document(spliced)))
    assert len(await database.specs.find(await built_with(database, parse_query("z")))) == 2
    assert await database.specs.find(await built_with(database, parse_query("check"))) == []


async def test_too_vague_a_dependency_is_refused(
    corpus: tuple[Database, Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = corpus
    monkeypatch.setattr(spec_search, "MAX_RESOLVED", 3)
    with pytest.raises(TooBroadError, match="state the name"):
        await _found(database, "^* platform=linux")
    with pytest.raises(TooBroadError, match="more than 16"):
        await _found(database, " ".join(f"^p{i}+x" for i in range(17)))


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("^mpi@3:", r"versions are not recorded: .*\^mpi=<package>@<version>"),
        ("hdf5 %c@12", "c is a virtual package"),
        ("hdf5 ^* %c@12", "c is a virtual package"),
        ("mpi", r"ask for \^mpi"),
        ("mpi@3 +x", "or for a provider by its name"),
    ],
)
async def test_what_only_packages_have_is_not_asked_of_virtual_ones(
    corpus: tuple[Database, Stored], text: str, advice: str
) -> None:
    database, _ = corpus
    with pytest.raises(VirtualPackageError, match=advice):
        await _found(database, text)


async def test_the_reach_of_a_caret_is_that_of_spack(new_database: NewDatabase) -> None:
    """gdb needs gmake to build and expat to link; expat needs cmake to build, which links zlib."""
    zlib = package("zlib", version="1.2.11")
    cmake = package("cmake", on(zlib, "link"))
    expat = package("expat", on(cmake, "build"))
    gdb = package("gdb", on(package("gmake"), "build"), on(expat, "build link"))
    async with new_database("test_caret_reach") as database:
        await write_specs(database, documents(document(gdb)))

        async def found(text: str, **narrowing: Any) -> bool:
            query = await spec_filter(database, parse_query(text), Narrowing(**narrowing))
            return await database.specs.find_one(query) is not None

        for text in ("gdb ^gmake", "gdb ^expat", "expat ^cmake", "cmake ^zlib"):
            assert await found(text), text
        for text in ("gdb ^cmake", "gdb ^zlib@:1.2.12", "expat ^zlib"):
            assert not await found(text), text
            assert await found(text, reach=ALL), text


async def test_a_compiler_of_old_formats_is_a_dependency_in_every_form(
    new_database: NewDatabase,
) -> None:
    (old,) = documents(document(package("zlib", form=4), 4))
    async with new_database("test_old_compiler") as database:
        await write_specs(database, [old])
        for text in ("%gcc", "^gcc", "%c", "%fortran", "^cxx", "%builtin.gcc", "^[virtuals=c] gcc"):
            query = await spec_filter(database, parse_query(f"zlib {text}"))
            assert await database.specs.find_one(query) is not None, text
        for text in ("%clang", "%other.gcc", "%mpi", "%[deptypes=link] gcc", "%gcc +binutils"):
            query = await spec_filter(database, parse_query(f"zlib {text}"))
            assert await database.specs.find_one(query) is None, text


async def test_a_switch_finds_values_that_are_written_as_text(new_database: NewDatabase) -> None:
    made = document(package("zlib", parameters={"shared": "True", "pic": "false"}))
    async with new_database("test_text_switch") as database:
        await write_specs(database, documents(made))
        for text, expected in (("+shared", True), ("~pic", True), ("~shared", False)):
            query = await spec_filter(database, parse_query(text))
            assert (await database.specs.find_one(query) is not None) is expected


def _stages(plan: Any) -> set[str]:
    if isinstance(plan, list):
        return set().union(*map(_stages, plan)) if plan else set()
    if not isinstance(plan, dict):
        return set()
    own = {plan["stage"]} if isinstance(plan.get("stage"), str) else set()
    return own.union(*map(_stages, plan.values()))


@pytest.mark.parametrize(
    "text",
    [
        "hdf5@1.12:1.14", "@1.2", "+mpi", "build_type=Release", "cflags='-O3'", "%gcc@12:",
        "target=zen3", "os=debian12", "platform=linux", "namespace=builtin", "/abc", "*",
        "^zlib@1.2.11:1.2.13", "^mpi", "%cmake@3.20:", "^hdf5+mpi", "^[virtuals=mpi] openmpi",
        "x=*", "^* +mpi",
    ],
)  # fmt: skip
async def test_every_filter_goes_by_an_index(corpus: tuple[Database, Stored], text: str) -> None:
    database, _ = corpus
    query = await spec_filter(database, parse_query(text))
    plan = await database.specs.explain(query, [])
    assert "COLLSCAN" not in _stages(plan["queryPlanner"]["winningPlan"])


async def test_a_range_of_versions_examines_only_what_it_finds(
    corpus: tuple[Database, Stored],
) -> None:
    database, _ = corpus
    query = await spec_filter(database, parse_query("^gmake@4.3:4.4.0,4.4.1"))
    plan = await database.specs.explain(query, [])
    stats = plan["executionStats"]
    assert stats["nReturned"] == stats["totalDocsExamined"] > 0
    assert "dependency" in json.dumps(plan["queryPlanner"]["winningPlan"], default=str)


def test_user_text_never_becomes_an_operator() -> None:
    (condition,) = node_conditions(parse_query("x='$where'"))
    assert condition == {"variants.x": {"$all": ["$where"]}}
    (condition,) = node_conditions(parse_query("a.b=1"))
    assert condition == {"variants.a\u2024b": {"$all": ["1"]}}


def test_a_range_of_hashes_holds_all_that_begin_so() -> None:
    low, high = hash_range("AB").values()
    assert all(low <= each < high for each in ("ab", "ab7", "abz~1"))
    assert not low <= "ac" < high
