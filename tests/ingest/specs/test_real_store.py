"""All real files of Spack, where they are at hand: stored, given back, and searched."""

import json
import tarfile
from collections.abc import Iterator
from functools import cache

import pytest

from ingest.importing import ImportOptions, import_paths
from ingest.specs.formats.detect import read
from ingest.specs.outcome import Rejection
from models.database.client import Database
from models.spack.graph import Graph
from models.spack.query import parse_query
from models.specs.document import SpecDocument
from models.specs.node_documents import identities
from models.specs.search import spec_filter
from models.specs.spec_file import load_file
from models.specs.store import WriteResult, write_specs
from models.specs.stored_graph import dag, load_graph, native_document, native_node
from tests.support.paths import REAL_DATA
from tests.support.spec_documents import same
from tests.support.spec_evaluation import matches
from tests.support.spec_queries import queries

_SPACK = REAL_DATA / "spack"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _SPACK.is_dir(), reason="the real files are not here"),
]


def _members(archive: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(_SPACK / archive) as tar:
        for info in tar:
            stream = tar.extractfile(info) if info.isreg() else None
            if stream is not None:
                yield info.name, stream.read()


@cache
def _documents() -> list[SpecDocument]:
    found = dict(_members("specs.tar.gz"))
    old = [path for path in (_SPACK / "legacy").iterdir() if path.is_file()]
    found |= {path.name: path.read_bytes() for path in old}
    outcomes = [each for name, data in found.items() for each in read(data, name)]
    assert not [each for each in outcomes if isinstance(each, Rejection)]
    return [each for each in outcomes if isinstance(each, SpecDocument)]


async def _all(database: Database) -> dict[str, dict[str, object]]:
    return {each["_id"]: each for each in await database.specs.find({})}


async def _store(database: Database) -> list[WriteResult]:
    found = _documents()
    parts = [found[i : i + 32] for i in range(0, len(found), 32)]
    return [each for part in parts for each in await write_specs(database, part)]


@pytest.mark.slow
async def test_every_document_comes_back_equal_with_all_its_edges(database: Database) -> None:
    written = await _store(database)
    assert all(each.outcome != "rejected" for each in written)
    stored = await _all(database)
    for given, each in zip(_documents(), written, strict=True):
        graph = await load_graph(database, each.id)
        assert graph is not None
        if given.submitted is not None:
            forms = range(len(stored[each.id]["forms"])) or [None]  # type: ignore[arg-type]
            assert any(same(native_document(graph, form), given.submitted) for form in forms)
        found = dag(graph)
        closure = (given.root, *given.graph.closure(given.root))
        assert len(found["nodes"]) == len(closure)
        assert len(found["edges"]) == sum(len(given.graph.edges[key]) for key in closure)
    _check_both_contents(stored)


def _check_both_contents(stored: dict[str, dict[str, object]]) -> None:
    """Check that hashes which stand for two contents in the files have kept both."""
    by_hash: dict[object, set[str]] = {}
    for each in stored.values():
        if each["hashReason"] in {"", "spliced", "in_spliced_graph"}:
            by_hash.setdefault(each["hash"], set()).add(json.dumps(native_node(each)))
    assert any(len(contents) > 1 for contents in by_hash.values())


@pytest.mark.slow
async def test_queries_find_what_the_graphs_say(database: Database) -> None:
    await _store(database)
    stored: dict[str, tuple[Graph, str]] = {}
    for each in _documents():
        for key, id_ in identities(each.graph, each.verifications).items():
            stored.setdefault(id_, (each.graph, key))
    places = list(stored.values())[::7]
    for text in queries(places, 25, seed=5):
        query = parse_query(text)
        expected = {id_ for id_, (graph, key) in stored.items() if matches(query, graph, key)}
        compiled = await spec_filter(database, query)
        assert {e["_id"] for e in await database.specs.find(compiled, {"_id": 1})} == expected


@pytest.mark.slow
async def test_install_trees_environments_and_caches_are_imported(database: Database) -> None:
    options = ImportOptions(jobs=1)
    report = await import_paths(database, [_SPACK / "installs.tar.gz"], options)
    assert {each.reason for each in report.record.problems} == {"missing_blob"}
    assert report.record.counts.created > 70
    files = dict(_members("installs.tar.gz"))
    for each in await database.spec_files.find({"number": 0}, {"digest": 1, "file": 1}):
        given = json.loads(files[each["file"].partition("!")[2]])
        assert same(await load_file(database, each["digest"]), given)
