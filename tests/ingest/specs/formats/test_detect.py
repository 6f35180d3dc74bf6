"""A file is what its content says, and nothing in it does harm."""

import gzip
import itertools
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.specs.formats.detect import read
from ingest.specs.limits import SpecLimits
from ingest.specs.outcome import Rejection
from models.specs.credentials import may_hold_credentials
from models.specs.document import SpecDocument
from tests.support.executions import mutations
from tests.support.spec_documents import (
    FORMATS,
    Package,
    clear_signed,
    closure,
    database,
    diamond,
    document,
    documents,
    graphs,
    lockfile,
    manifest,
    on,
    outcomes,
    package,
    packed,
    reasons,
    same,
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b" \n", "empty", id="blanks"),
        pytest.param(b"[]", "empty", id="no items"),
        pytest.param(b"{}", "unknown", id="an empty object"),
        pytest.param(b"7", "unknown", id="a number"),
        pytest.param(b"hello", "not_json", id="text"),
        pytest.param(b"\x80\x81", "not_utf8", id="binary"),
        pytest.param(gzip.compress(b"x")[:-9], "damaged", id="damaged gzip"),
        pytest.param(b'{"spec":' * 10_000, "too_deep", id="deep"),
        pytest.param(b'{"spec":[],"spec":[]}', "duplicate_key", id="duplicate"),
        pytest.param(b'{"spec":NaN}', "bad_number", id="NaN"),
        pytest.param(b'{"database":{"installs":Infinity}}', "bad_number", id="Infinity"),
        pytest.param(b'{"spec":"a\\ud800"}', "bad_text", id="half a pair"),
        pytest.param(b'{"signing": "gpg"}', "unknown", id="layout.json"),
    ],
)
def test_what_is_no_file_of_spack_is_refused(data: bytes, reason: str) -> None:
    (found,) = reasons(data)
    assert found[0] in {reason, "truncated"}


def test_a_bomb_is_not_expanded() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert reasons(bomb, limits=SpecLimits(size=1_000_000)) == [("too_large", "")]


def test_more_nodes_than_may_be_are_refused_in_time() -> None:
    given = {"spec": {"_meta": {"version": 5}, "nodes": [{"name": "a"}] * 100_000}}
    start = time.process_time()
    assert reasons(given) == [("too_many_nodes", "")]
    assert time.process_time() - start < 10


@pytest.mark.slow
def test_many_roots_of_a_deep_lockfile_share_the_work() -> None:
    made: list[Package] = [package("p0")]
    for number in range(1, 400):
        made.append(package(f"p{number}", on(made[-1])))
    nodes = {each.hash: each.native for each in made}
    given = lockfile([], 6) | {
        "roots": [{"hash": each.hash, "spec": each.name} for each in made],
        "concrete_specs": nodes,
    }
    start = time.process_time()
    found = documents(given)
    assert len(found) == 400
    assert len({id(each.graph) for each in found}) == 1
    assert time.process_time() - start < 10


def test_a_listing_comes_after_the_documents_of_its_file() -> None:
    given = [diamond().dependencies[0].package.native, document(diamond())]
    assert [each.provenance.origin for each in documents(given)] == ["file", "listing"]


def test_places_of_credentials_are_told_and_the_document_is_not_changed() -> None:
    environment = {"set": {"API_TOKEN": "hunter2hunter2", "HOME": "/x"}}
    attributes = {"environment": environment, "url": "https://me:hunter2@host/x"}
    extra = {"external": {"path": "/usr", "module": None, "extra_attributes": attributes}}
    given = document(package("openmpi", extra=extra))
    (found,) = documents(given)
    where = "spec.nodes[0].external.extra_attributes"
    assert found.credentials == (f"{where}.environment.set.API_TOKEN", f"{where}.url")
    assert same(found.native, given)
    assert [each.is_verified for each in found.verifications.values()] == [True]


def test_most_documents_hold_no_credentials() -> None:
    assert [each.credentials for each in documents(document(diamond()))] == [()]


@pytest.mark.parametrize(
    ("text", "may"), [("xoxb-1234567890", True), ("https://x", True), ("4xox6a7xoxb2", False)]
)
def test_hashes_are_not_taken_for_credentials(text: str, may: bool) -> None:
    assert may_hold_credentials(f'{{"hash": "{text}"}}') is may


@pytest.mark.slow
@given(st.sampled_from(FORMATS).flatmap(lambda form: st.tuples(st.just(form), graphs(form))))
def test_a_document_comes_back_equal(made: tuple[int, Package]) -> None:
    form, root = made
    (found,) = documents(document(root, form))
    assert same(found.native, document(root, form))
    assert len(found.keys) == len(closure(root))
    edges = sum(len(each) for each in found.graph.edges.values())
    assert edges == sum(len(each.dependencies) for each in closure(root))


FILES = [
    packed(document(diamond())), packed(document(diamond(1), 1)),
    packed(lockfile([(diamond(), "app")])), packed(lockfile([(diamond(2), "app")], 3)),
    packed(database([diamond()])), clear_signed(json.dumps(document(diamond()), indent=0)),
    packed(manifest(b"x")), packed([each.native for each in closure(diamond())]),
    b"\n".join(packed(document(each)) for each in (diamond(), diamond(leaf="7"))),
]  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FILES).flatmap(mutations), st.sampled_from(["x.json", "spec.yaml"]))
def test_any_damage_is_told_and_raises_nothing(data: bytes, name: str) -> None:
    for found in itertools.islice(read(data, name), 100):
        if isinstance(found, SpecDocument):
            assert found.native
        else:
            assert isinstance(found, Rejection)
            assert found.reason


def test_nothing_false_comes_through() -> None:
    for data in FILES:
        for found in outcomes(data):
            if isinstance(found, SpecDocument):
                assert all(v.is_verified is not False for v in found.verifications.values())
