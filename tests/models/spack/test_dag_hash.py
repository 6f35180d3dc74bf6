"""The DAG hash is recomputed where that can be, and says so where it cannot."""

import copy
import pickle
import string

import pytest
from hypothesis import given

from models.spack.dag_hash import (
    compact,
    dag_hash,
    indented,
    mismatch,
    verify,
    verify_all,
)
from models.spack.native import graph_of
from tests.support.spec_documents import (
    Json,
    Package,
    any_hash,
    diamond,
    document,
    graphs,
    on,
    package,
)


def test_the_hash_is_that_of_the_text_that_spack_writes() -> None:
    native = {"name": "a", "version": "1", "x": ["é", True, None, 1], "hash": "not a part"}
    assert compact({"é": [1, True]}) == '{"\\u00e9":[1,true]}'
    assert indented({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'
    assert dag_hash(native) == dag_hash({k: v for k, v in native.items() if k != "hash"})
    assert len(dag_hash(native)) == 32
    assert set(dag_hash(native)) <= set(string.ascii_lowercase + "234567")
    assert dag_hash({}) == "x4q2t2h3ywryi35qlnh2bbm6bel3eibp"


def test_the_order_of_keys_is_a_part_of_the_hash() -> None:
    assert dag_hash({"a": 1, "b": 2}) != dag_hash({"b": 2, "a": 1})


@pytest.mark.slow
@given(graphs())
def test_every_node_of_a_sound_document_verifies(root: Package) -> None:
    found = verify_all(graph_of(document(root)))
    assert all(each.is_verified and not each.reason for each in found.values())


@pytest.mark.parametrize("form", [3, 4, 5])
def test_every_format_with_one_hash_verifies(form: int) -> None:
    found = verify_all(graph_of(document(diamond(form), form)))
    assert [each.is_verified for each in found.values()] == [True] * 4


def test_format_4_occurs_in_the_older_writing_too() -> None:
    leaf = package("leaf", form=4)
    leaf.native["hash"] = dag_hash(leaf.native, indented)
    assert verify(graph_of(document(leaf, 4)), leaf.hash).is_verified


@pytest.mark.parametrize("form", [1, 2])
def test_the_hash_of_the_oldest_formats_says_nothing(form: int) -> None:
    found = verify_all(graph_of(document(diamond(form), form)))
    assert {(each.is_verified, each.reason) for each in found.values()} == {(None, "old_format")}


def changed(root: Package, form: int = 5) -> Json:
    given = copy.deepcopy(document(root, form))
    given["spec"]["nodes"][1]["version"] = "6.6.6"
    return given


@pytest.mark.parametrize("form", [4, 5])
def test_a_changed_node_is_refused_with_both_hashes(form: int) -> None:
    given = changed(diamond(form), form)
    graph = graph_of(given)
    ((key, found),) = ((k, v) for k, v in verify_all(graph).items() if v.is_verified is False)
    error = mismatch(graph, key, found)
    assert error.path == "spec.nodes[1]"
    assert error.stated == given["spec"]["nodes"][1]["hash"]
    assert error.computed == dag_hash(given["spec"]["nodes"][1])
    assert error.stated in str(error)
    assert error.computed in str(error)
    assert pickle.loads(pickle.dumps(error)).computed == error.computed


def test_a_changed_node_of_format_3_is_not_refused() -> None:
    found = verify_all(graph_of(changed(diamond(3), 3)))
    assert [each.reason for each in found.values()] == ["", "old_format", "", ""]


def test_a_spliced_node_is_opaque_and_the_others_with_it() -> None:
    leaf = package("leaf")
    built = package("app", on(leaf))
    app = package("app", on(package("new")), build_spec=built)
    given = copy.deepcopy(document(app))
    given["spec"]["nodes"][3]["version"] = "6.6.6"
    found = list(verify_all(graph_of(given)).values())
    assert [(each.is_verified, each.reason) for each in found] == [
        (None, "spliced"), (True, ""), (True, ""), (None, "in_spliced_graph"),
    ]  # fmt: skip


def test_a_node_that_a_newer_spack_rewrote_is_opaque() -> None:
    leaf = package("leaf", extra={"annotations": {"original_specfile_version": 4}})
    leaf.native["annotations"]["original_specfile_version"] = 4
    leaf.native["hash"] = any_hash("old")
    found = verify_all(graph_of(document(leaf)))
    assert found[leaf.hash].reason == "rewritten"


@pytest.mark.parametrize(("version", "reason"), [(6, "hash_mismatch"), (7, "newer_format")])
def test_formats_that_are_not_known_yet_are_not_refused(version: int, reason: str) -> None:
    given = changed(diamond())
    given["spec"]["_meta"]["version"] = version
    given["spec"]["nodes"][1]["annotations"]["original_specfile_version"] = version
    assert reason in {each.reason for each in verify_all(graph_of(given)).values()}
