"""Spec documents and listings."""

import json
from typing import Any

import pytest

from ingest.specs.limits import SpecLimits
from models.specs.document import SpecDocument
from models.specs.spec_file import restore
from tests.support.spec_documents import (
    FORMATS,
    any_hash,
    closure,
    diamond,
    document,
    documents,
    on,
    outcomes,
    package,
    reasons,
    same,
)


@pytest.mark.parametrize("form", FORMATS)
def test_a_document_comes_back_equal(form: int) -> None:
    app = diamond(form)
    (found,) = documents(document(app, form))
    assert same(found.native, document(app, form))
    assert (found.format, found.node.name, len(found.keys)) == (form, "app", 4)
    assert found.is_complete
    assert set(found.verifications) == set(found.graph.nodes)


def test_what_stands_beside_the_spec_is_kept() -> None:
    given = {"buildcache_layout_version": 2} | document(diamond()) | {"more": {"a": 1}}
    (found,) = documents(given)
    assert same(found.native, given)
    assert found.extra == {"buildcache_layout_version": 2, "more": {"a": 1}}
    assert found.provenance.origin == "mirror"


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        pytest.param("opt/app-1.0-abc/.spack/spec.json", "install_tree", id="prefix"),
        pytest.param("x.tar!opt/.spack-db/failures/app-1", "install_tree", id="failed"),
        pytest.param("specs/app.json", "file", id="file"),
    ],
)
def test_the_name_of_the_file_tells_where_it_is_from(name: str, origin: str) -> None:
    (found,) = documents(document(diamond()), name)
    assert (found.provenance.origin, found.provenance.file) == (origin, name)


def test_nodes_that_the_root_does_not_reach_are_kept() -> None:
    given = document(diamond())
    other = package("other")
    given["spec"]["nodes"].append(other.native)
    (found,) = documents(given)
    assert other.hash in found.keys
    given["spec"]["nodes"][-1] = other.native | {"version": "7"}
    assert reasons(given, strict=True) == [("hash_mismatch", "spec.nodes[4]")]


@pytest.mark.parametrize("form", ["array", "lines", "sequence"])
def test_several_documents_are_read_one_by_one(form: str) -> None:
    whole = [document(diamond(leaf=version)) for version in ("1", "2", "3")]
    texts = [json.dumps(each, indent=1 if form == "sequence" else None) for each in whole]
    text = f"[{','.join(texts)}]" if form == "array" else "\n".join(texts)
    assert same([each.native for each in documents(text.encode())], whole)


def test_one_bad_document_costs_itself() -> None:
    good, bad = document(diamond(leaf="1")), document(diamond(leaf="2"))
    bad["spec"]["nodes"][1]["version"] = "3"
    found = outcomes([good, bad, 7, {"spec": None}, good], strict=True)
    assert [isinstance(each, SpecDocument) for each in found] == [True, False, False, False, True]
    assert reasons([good, bad, 7, {"spec": None}, good], strict=True) == [
        ("hash_mismatch", "[1].spec.nodes[1]"), ("unknown", "[2]"), ("not_a_spec", "[3].spec"),
    ]  # fmt: skip


def test_too_many_nodes_are_refused() -> None:
    given = document(diamond())
    assert reasons(given, limits=SpecLimits(nodes=3)) == [("too_many_nodes", "")]


def test_a_test_suite_has_several_documents() -> None:
    given = {"specs": [document(diamond()), {"alias": 1}], "alias": None}
    assert len(outcomes(given)) == 2
    assert reasons(given) == [("not_a_spec", "specs[1]")]


@pytest.mark.parametrize("form", [2, 3, 4, 5])
def test_a_listing_shares_a_graph(form: int) -> None:
    app = diamond(form)
    nodes = [each.native for each in closure(app)]
    found = documents(nodes)
    assert [each.node.name for each in found] == ["app", "leaf", "mid", "tool"]
    assert [each.provenance.is_root for each in found] == [True, False, False, False]
    assert {id(each.graph) for each in found} == {id(found[0].graph)}
    assert same(found[0].native, document(app, form))
    container = found[0].container
    assert container is not None
    assert container.frame == [None] * 4
    assert same(restore(container.frame, [(s.path, s.native) for s in container.slots]), nodes)


def test_a_listing_without_dependencies_is_taken_as_what_it_is() -> None:
    app = diamond()
    found = documents([app.native, app.dependencies[0].package.native])
    assert [each.is_complete for each in found] == [False, True]
    assert [edge.name for edge in found[0].graph.missing] == ["mid", "tool"]
    assert all(each.is_verified for each in found[0].verifications.values())


def test_a_listing_of_old_has_its_edges_in_an_object() -> None:
    leaf = package("leaf", form=1)
    app = package("app", on(leaf), form=1)
    flat = [{"name": each.name, **each.native} for each in (app, leaf)]
    found = documents(flat)
    assert found[0].format == 1
    assert same(found[0].native, document(app, 1))


def test_a_bad_node_of_a_listing_costs_itself() -> None:
    app = diamond()
    nodes: list[Any] = [each.native for each in closure(app)]
    nodes[3] = nodes[3] | {"version": 7}
    nodes.append({"name": "x", "version": "1", "hash": ["unhashable"]})
    nodes.append(nodes[0] | {"version": "9"})
    assert reasons(nodes) == [
        ("wrong_type", "[3].version"), ("wrong_type", "[4].hash"), ("duplicate_node", "[5]"),
    ]  # fmt: skip
    found = [each for each in outcomes(nodes) if isinstance(each, SpecDocument)]
    assert [each.is_complete for each in found] == [False, True, True]
    container = found[0].container
    assert container is not None
    assert same(restore(container.frame, [(s.path, s.native) for s in container.slots]), nodes)


def test_a_dangling_edge_in_a_document_is_refused() -> None:
    given = document(diamond())
    given["spec"]["nodes"][0]["dependencies"][0]["hash"] = any_hash("nowhere")
    assert reasons(given) == [("dangling", "spec.nodes[0].dependencies[0]")]
