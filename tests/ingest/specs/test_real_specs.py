"""Real files of Spack, where they are at hand: CASELEDGER_TEST_DATA names their directory."""

import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import pytest

from ingest.specs.formats.detect import read
from ingest.specs.outcome import Outcome, Rejection
from ingest.specs.verification import mismatches
from models.specs.document import SpecDocument
from models.specs.spec_file import restore
from tests.support.paths import REAL_DATA
from tests.support.spec_documents import Json, same

_SPACK = REAL_DATA / "spack"
_SPLICES_OUT_OF_ORDER = 2

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
def _files() -> dict[str, bytes]:
    """Return all files: those of the archives, and the old ones."""
    found = {f"specs/{name}": data for name, data in _members("specs.tar.gz")}
    found |= dict(_members("installs.tar.gz"))
    old = [path for path in (_SPACK / "legacy").rglob("*") if path.is_file()]
    return found | {f"legacy/{p.relative_to(_SPACK / 'legacy')}": p.read_bytes() for p in old}


@cache
def _outcomes(name: str) -> list[Outcome]:
    return list(read(_files()[name], name))


def _documents(name: str) -> list[SpecDocument]:
    found = _outcomes(name)
    assert not [each for each in found if isinstance(each, Rejection)]
    return [each for each in found if isinstance(each, SpecDocument)]


def _named(is_wanted: Callable[[PurePosixPath], bool]) -> list[str]:
    return [name for name in _files() if is_wanted(PurePosixPath(name))]


def _json(name: str) -> Any:
    return json.loads(_files()[name])


@pytest.mark.slow
def test_every_file_is_read_or_refused_for_a_reason() -> None:
    reasons: Counter[str] = Counter()
    for name in _files():
        for each in _outcomes(name):
            if isinstance(each, Rejection):
                reasons[each.reason] += 1
    assert set(reasons) <= {
        "empty", "hash_mismatch", "manifest", "no_spec", "not_json", "not_utf8", "not_yaml",
        "unknown",
    }  # fmt: skip


@pytest.mark.slow
def test_every_spec_document_comes_back_equal_with_all_nodes_and_edges() -> None:
    names = _named(lambda path: path.suffix == ".json" and path.parts[0] == "specs")
    names += _named(lambda path: path.name == "spec.json" or "failures" in path.parts)
    names += _named(lambda path: path.name.startswith(("hdf5.v", "spack-monitor")))
    assert len(names) >= 259 + 76
    for name in names:
        (found,) = _documents(name)
        given = _json(name)
        assert same(found.native, given), name
        nodes = _nodes(given)
        assert len(found.keys) == len(nodes)
        edges = sum(len(each) for each in found.graph.edges.values())
        assert edges == sum(len(node.get("dependencies", ())) for node in nodes)
        assert [found.graph.nodes[key].native for key in found.keys] == nodes


def _nodes(given: Json) -> list[Json]:
    spec = given["spec"]
    if isinstance(spec, dict):
        nodes: list[Json] = spec["nodes"]
        return nodes
    return [node for wrapped in spec for node in wrapped.values()]


def test_every_node_of_an_unspliced_document_verifies() -> None:
    found: Counter[tuple[bool, bool | None]] = Counter()
    for name in _named(lambda path: path.parts[0] == "specs" or path.name == "spec.json"):
        (document,) = _documents(name)
        assert document.format in {4, 5}
        for each in document.verifications.values():
            found[document.graph.is_spliced, each.is_verified] += 1
    assert found[False, True] > 8000
    assert found[False, None] == found[False, False] == found[True, False] == 0
    assert found[True, None] == 108 + 2


def test_spliced_documents_tell_that_they_are() -> None:
    names = _named(lambda path: path.parts[0] == "specs")
    spliced = [each for name in names for each in _documents(name) if each.graph.is_spliced]
    assert len(spliced) == 22
    assert all(each.verifications[each.root].is_verified is None for each in spliced)


@pytest.mark.slow
def test_documents_are_made_as_spack_writes_them() -> None:
    names = _named(lambda path: path.parts[0] == "specs" or path.name == "spec.json")
    made = [each for name in names for each in _documents(name)]
    other = [e for e in made if not same(e.graph.subdocument(e.root), e.native)]
    assert all(each.graph.is_spliced for each in other)
    assert len(other) == _SPLICES_OUT_OF_ORDER


@pytest.mark.parametrize("tree", ["v13-fake", "v13-real-oldinstaller", "v023-real"])
def test_a_database_gives_the_documents_that_lie_beside_the_installations(tree: str) -> None:
    found = _documents(f"installs/{tree}/.spack-db/index.json")
    beside = {
        document.root: document
        for name in _named(lambda path: path.name == "spec.json" and tree in path.parts)
        for document in _documents(name)
    }
    assert beside
    for key, document in beside.items():
        (record,) = [each for each in found if each.root == key]
        assert same(record.native, document.native)
        assert record.provenance.is_installed
        path = record.provenance.install_path
        assert path is not None
        assert path.startswith("linux-")


@pytest.mark.parametrize(
    ("suffix", "documents"),
    [
        ("v13-fake/.spack-db/index.json", 70),
        ("legacy/database-index.v7_v8.json", 8),
        ("index-blob.db.v8.json", 7),
        ("spack.lock.v13.json", 6),
        ("legacy/v1.lock", 2),
        ("legacy/v2.lock", 2),
        ("legacy/v3.lock", 2),
    ],
)
def test_files_with_many_documents_are_given_back_equal(suffix: str, documents: int) -> None:
    (name,) = [name for name in _files() if name.endswith(suffix)]
    found = _documents(name)
    assert len(found) == documents
    assert all(each.is_complete for each in found)
    container = found[0].container
    assert container is not None
    nodes = [(slot.path, slot.native) for slot in container.slots]
    assert same(restore(container.frame, nodes), _json(name))


def test_the_index_of_a_mirror_is_found_by_its_manifest() -> None:
    (name,) = _named(lambda path: path.name == "index.manifest.json")
    (blob,) = _named(lambda path: path.name == "index-blob.db.v8.json")
    found = list(read(_files()[name], name, fetch=lambda _: _files()[blob]))
    assert [isinstance(each, SpecDocument) for each in found] == [True] * 7


def test_signed_documents_are_read_and_checked() -> None:
    found = [each for name in _named(lambda p: p.suffix == ".sig") for each in _outcomes(name)]
    read_ones = [each for each in found if isinstance(each, SpecDocument)]
    assert [each.provenance.is_signed for each in read_ones] == [True] * 3
    reasons = [[error.reason for error in mismatches(each)] for each in read_ones]
    assert sorted(map(len, reasons)) == [0, 1, 2]  # two are made up, in Spack's own tests


def test_the_old_yaml_is_read() -> None:
    (name,) = _named(lambda path: path.name == "spec.yaml")
    (found,) = _documents(name)
    assert (found.format, found.node.name, len(found.keys)) == (1, "tar", 2)
