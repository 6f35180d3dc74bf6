"""Lockfiles: documents of their roots, and the whole given back."""

import copy
from typing import Any

import pytest

from ingest.specs.limits import SpecLimits
from models.specs.document import SpecDocument
from models.specs.spec_file import restore
from tests.support.spec_documents import (
    LOCK_FORMATS,
    Json,
    closure,
    diamond,
    document,
    documents,
    locked,
    lockfile,
    on,
    outcomes,
    package,
    reasons,
    same,
)


def restored(found: SpecDocument) -> Any:
    container = found.container
    assert container is not None
    return restore(container.frame, [(each.path, each.native) for each in container.slots])


@pytest.mark.parametrize("version", LOCK_FORMATS)
def test_every_version_gives_its_roots_and_comes_back(version: int) -> None:
    form = LOCK_FORMATS[version]
    one, other = diamond(form), diamond(form, leaf="1.2")
    given = lockfile([(one, "app ^leaf@1.3"), (other, "app")], version)
    found = documents(given, "envs/dev/spack.lock")
    assert [each.provenance.user_spec for each in found] == ["app ^leaf@1.3", "app"]
    assert {each.provenance.environment for each in found} == {"dev"}
    assert {each.format for each in found} == {form}
    assert [len(each.keys) for each in found] == [4, 4]
    assert same(restored(found[0]), given)


@pytest.mark.parametrize("version", [4, 5, 6, 7])
def test_the_document_of_a_root_is_what_spack_would_write(version: int) -> None:
    form = LOCK_FORMATS[version]
    app = diamond(form)
    (found,) = documents(lockfile([(app, "app")], version))
    assert same(found.native, document(app, form))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_key_of_a_node_of_old_is_written_into_its_document(version: int) -> None:
    app = diamond(LOCK_FORMATS[version])
    (found,) = documents(lockfile([(app, "app")], version))
    (again,) = documents(found.native)
    name = "hash" if version == 1 else "build_hash"
    assert again.node.native[name] == found.root
    assert [e.name for e in again.graph.dependencies(again.root)] == ["leaf", "mid", "tool"]
    assert name not in found.node.native


def test_nodes_of_one_hash_are_told_apart_by_their_keys() -> None:
    one, other = package("app", form=1), package("app", form=1, version="2")
    given = lockfile([(one, "a"), (other, "b")], 2)
    for node in given["concrete_specs"].values():
        node["app"]["hash"] = one.native["hash"]
    found = documents(given)
    assert [each.node.hash for each in found] == [one.hash] * 2
    assert [each.node.version for each in found] == ["1.0", "2"]
    assert len({each.root for each in found}) == 2


def test_two_user_specs_of_one_root_are_two_documents() -> None:
    app = diamond()
    found = documents(lockfile([(app, "app"), (app, "app@2")]))
    assert [each.root for each in found] == [app.hash] * 2
    assert found[0].graph is found[1].graph


def test_groups_of_roots_are_kept() -> None:
    given = lockfile([(diamond(), "app")], 7)
    given["roots"][0]["group"] = "compilers"
    assert documents(given)[0].provenance.group == "compilers"


def including() -> tuple[Json, Any, Any]:
    """Return a lockfile with an environment in an environment, which share their leaf."""
    app = diamond()
    leaf = app.dependencies[0].package
    other = package("other", on(leaf, "link"))
    inner: Json = {"roots": [{"hash": other.hash, "spec": "other"}]}
    inner["concrete_specs"] = locked([other])
    del inner["concrete_specs"][leaf.hash]
    middle = {
        "roots": [{"hash": leaf.hash, "spec": "leaf"}], "concrete_specs": locked([leaf]),
        "include_concrete": {"/home/me/envs/inner": inner},
    }  # fmt: skip
    given = lockfile([(app, "app")], 6, include_concrete={"/home/me/envs/middle": middle})
    return given, app, other


def test_included_environments_are_read_too() -> None:
    given, _, other = including()
    found = documents(given, "spack.lock")
    assert [(each.node.name, each.provenance.environment) for each in found] == [
        ("app", None), ("leaf", "middle"), ("other", "inner"),
    ]  # fmt: skip
    assert [each.provenance.is_included for each in found] == [False, True, True]
    assert same(found[2].native, document(other))
    assert same(restored(found[0]), given)


def test_two_contents_under_one_hash_are_both_kept() -> None:
    app = diamond()
    leaf = app.dependencies[0].package
    built = package("app", on(leaf))
    spliced = package("app", on(package("new")), build_spec=built)
    twin = copy.deepcopy(locked([spliced]))
    twin[spliced.hash]["parameters"]["pic"] = False
    inner = {"roots": [{"hash": spliced.hash, "spec": "twin"}], "concrete_specs": twin}
    given = lockfile([(spliced, "app")], 6, include_concrete={"/envs/inner": inner})
    found = documents(given)
    assert [each.node.variants.get("pic") for each in found] == [None, False]
    assert same(restored(found[0]), given)


def test_a_node_that_no_root_reaches_is_a_document_too() -> None:
    given = lockfile([(diamond(), "app")])
    other = package("other", on(package("its")))
    given["concrete_specs"] |= locked([other])
    found = documents(given)
    assert [(e.node.name, e.provenance.is_root) for e in found] == [("app", True), ("other", False)]


def test_a_bad_node_costs_the_roots_above_it() -> None:
    app, other = diamond(), package("other")
    given = lockfile([(app, "app"), (other, "other")])
    tool = app.dependencies[2].package
    given["concrete_specs"][tool.hash]["version"] = None
    found = outcomes(given)
    place = f"concrete_specs.{tool.hash}.version"
    assert reasons(given) == [("wrong_type", place), ("wrong_type", place)]
    sound = [each for each in found if isinstance(each, SpecDocument)]
    assert [each.node.name for each in sound] == ["other", "mid"]
    assert same(restored(sound[0]), given)


def test_a_changed_node_costs_the_roots_above_it() -> None:
    app, other = diamond(), package("other")
    given = copy.deepcopy(lockfile([(app, "app"), (other, "other")]))
    leaf = app.dependencies[0].package
    given["concrete_specs"][leaf.hash]["version"] = "6"
    refused = [("hash_mismatch", f"concrete_specs.{leaf.hash}")]
    assert reasons(given, strict=True) == refused
    assert len(outcomes(given, strict=True)) == 2
    assert reasons(given) == []


@pytest.mark.parametrize(
    ("change", "reason", "place"),
    [
        pytest.param({"_meta": {"file-type": "spack-lockfile"}}, "no_format",
                     "_meta.lockfile-version", id="no version"),
        pytest.param({"_meta": {"lockfile-version": 99}}, "no_format",
                     "_meta.specfile-version", id="newer, format not stated"),
        pytest.param({"roots": {}}, "wrong_type", "roots", id="roots"),
        pytest.param({"concrete_specs": []}, "wrong_type", "concrete_specs", id="nodes"),
        pytest.param({"include_concrete": {"/a": 1}}, "wrong_type", 'include_concrete."/a"',
                     id="included"),
        pytest.param({"roots": [7]}, "wrong_type", "roots[0]", id="root"),
        pytest.param({"roots": [{"hash": "a" * 32}]}, "dangling", "roots[0]", id="dangling root"),
    ],
)  # fmt: skip
def test_what_is_no_lockfile_is_refused(change: Json, reason: str, place: str) -> None:
    assert reasons(lockfile([(diamond(), "app")]) | change)[0] == (reason, place)


def test_a_newer_lockfile_that_states_its_format_is_read() -> None:
    given = lockfile([(diamond(), "app")])
    given["_meta"] |= {"lockfile-version": 9, "new": True}
    assert documents(given)[0].format == 5


def test_too_many_nodes_are_refused() -> None:
    given = lockfile([(diamond(), "app")])
    assert reasons(given, limits=SpecLimits(records=3)) == [("too_many_nodes", "")]


def test_credentials_are_told_and_what_is_derived_is_masked() -> None:
    app = diamond()
    inner = {"roots": [{"hash": app.hash, "spec": "app"}], "concrete_specs": {}}
    path = "https://user:hunter2@host/inner"
    given = lockfile([(app, "app")], 6, include_concrete={path: inner})
    found = documents(given)
    assert found[0].credentials == ('include_concrete."https://***@host/inner"',)
    assert "hunter2" not in str([each.provenance for each in found])
    assert same(restored(found[0]), given)
    assert len(closure(app)) == 4
