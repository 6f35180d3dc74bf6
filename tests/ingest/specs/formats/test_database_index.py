"""Databases of install trees and indexes of mirrors: a document a record."""

import copy
from typing import Any

import pytest

from ingest.specs.limits import SpecLimits
from models.spack.dag_hash import dag_hash
from models.specs.document import SpecDocument
from models.specs.spec_file import restore
from tests.support.spec_documents import (
    DATABASE_FORMATS,
    Json,
    database,
    diamond,
    document,
    documents,
    on,
    outcomes,
    package,
    reasons,
    same,
)


@pytest.mark.parametrize("version", DATABASE_FORMATS)
def test_every_record_is_a_document(version: str) -> None:
    form = DATABASE_FORMATS[version]
    given = database([diamond(form)], version)
    found = documents(given)
    assert [each.node.name for each in found] == ["app", "leaf", "mid", "tool"]
    assert {each.format for each in found} == {form}
    assert all(each.is_complete for each in found)
    container = found[0].container
    assert container is not None
    assert same(restore(container.frame, [(s.path, s.native) for s in container.slots]), given)


def test_a_record_tells_of_its_installation() -> None:
    app = diamond()
    first, second, *_ = documents(database([app]))
    told = first.provenance
    assert (told.origin, told.is_root, told.is_explicit) == ("install_tree", True, True)
    assert (told.is_installed, told.installation_time) == (True, 1744963943.3079917)
    assert told.place == f"database.installs.{app.hash}"
    assert (second.provenance.is_root, second.provenance.is_explicit) == (False, False)


@pytest.mark.parametrize(
    ("path", "relative"),
    [
        pytest.param("/opt/x/linux-icelake/app-1", "linux-icelake/app-1", id="new layout"),
        pytest.param(
            "/opt/linux-debian12-icelake/gcc-12/app-1", "linux-debian12-icelake/gcc-12/app-1",
            id="old layout",
        ),
        pytest.param("/opt/mine/app-{hash}", "app-{hash}", id="layout of one's own"),
        pytest.param("/home/me/app", None, id="not told"),
        pytest.param("None", None, id="text None"),
        pytest.param(None, None, id="null"),
    ],
)  # fmt: skip
def test_the_path_is_kept_without_the_prefix(path: str | None, relative: str | None) -> None:
    app = diamond()
    given = database([app])
    own = path and path.format(hash=app.hash)
    given["database"]["installs"][app.hash]["path"] = own
    told = documents(given)[0].provenance.install_path
    assert told == (relative and relative.format(hash=app.hash))


def test_an_external_package_has_no_path_in_the_tree() -> None:
    gcc = package("gcc", extra={"external": {"path": "/usr", "module": None}})
    (found,) = documents(database([gcc]))
    assert found.provenance.install_path is None
    assert found.node.external == {"path": "/usr", "module": None}


def test_the_document_of_a_record_is_what_spack_writes_beside_the_installation() -> None:
    app = diamond()
    found = {each.node.name: each for each in documents(database([app]))}
    assert same(found["app"].native, document(app))
    assert same(found["mid"].native, document(app.dependencies[1].package))


def mirrored() -> Json:
    given = database([diamond()])
    for record in given["database"]["installs"].values():
        for name in ("path", "installed", "explicit", "installation_time"):
            del record[name]
        record["in_buildcache"] = True
    return given


def test_an_index_of_a_mirror_lacks_what_was_not_pushed() -> None:
    given = mirrored()
    tool = diamond().dependencies[2].package
    del given["database"]["installs"][tool.hash]
    found = documents(given)
    assert [each.is_complete for each in found] == [False, True, True]
    assert {each.provenance.origin for each in found} == {"mirror"}
    assert found[0].provenance.is_in_buildcache
    assert found[0].provenance.is_installed is None


def test_a_bad_record_costs_itself() -> None:
    given = copy.deepcopy(database([diamond()]))
    installs = given["database"]["installs"]
    hashes = list(installs)
    installs[hashes[2]]["explicit"] = "yes"
    installs[hashes[3]]["spec"]["name"] = 5
    installs["a" * 32] = None
    assert [reason for reason, _ in reasons(given)] == ["wrong_type"] * 3
    found = [each for each in outcomes(given) if isinstance(each, SpecDocument)]
    assert [each.node.name for each in found] == ["app", "leaf"]
    assert [each.is_complete for each in found] == [False, True]
    container = found[0].container
    assert container is not None
    assert same(restore(container.frame, [(s.path, s.native) for s in container.slots]), given)


def test_a_record_under_another_hash_is_refused() -> None:
    given = database([package("leaf")])
    installs = given["database"]["installs"]
    installs["a" * 32] = installs.pop(next(iter(installs)))
    assert [reason for reason, _ in reasons(given)] == ["wrong_key"]


def test_records_in_a_cycle_are_refused_and_the_others_are_not() -> None:
    given = copy.deepcopy(database([diamond(), package("other")]))
    installs: Any = given["database"]["installs"]
    app, leaf, *_ = installs
    installs[leaf]["spec"]["dependencies"] = [{"name": "app", "hash": app}]
    assert [reason for reason, _ in reasons(given)] == ["cycle"] * 4
    assert len(outcomes(given)) == 5


@pytest.mark.parametrize(
    ("content", "reason", "place"),
    [
        pytest.param({"version": "8"}, "wrong_type", "database.installs", id="no records"),
        pytest.param({"installs": {}}, "no_format", "database.version", id="no version"),
        pytest.param({"version": "x", "installs": {}}, "no_format", "database.version", id="text"),
    ],
)
def test_what_is_no_database_is_refused(content: Json, reason: str, place: str) -> None:
    assert reasons({"database": content}) == [(reason, place)]


def test_a_newer_database_tells_its_format_by_its_nodes() -> None:
    leaf = package("leaf")
    leaf.native["annotations"]["original_specfile_version"] = 6
    leaf.native["hash"] = dag_hash(leaf.native)
    given = database([leaf, package("app", on(package("b")))], "9")
    assert {each.format for each in documents(given)} == {6}


def test_too_many_records_are_refused() -> None:
    assert reasons(database([diamond()]), limits=SpecLimits(records=3)) == [
        ("too_many_nodes", "database.installs")
    ]
