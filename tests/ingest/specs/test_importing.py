"""Imports of what Spack writes: files, trees, archives, next to performance archives."""

import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api.specs.resolve import resolve_spec_id
from ingest.archives.budgets import Budgets
from ingest.archives.walk import FileStat
from ingest.importing import ImportOptions, Report, import_paths
from ingest.sample import write_files
from ingest.sample.specs import SpecSampleOptions, sample_bytes
from ingest.specs.discover import SpackFiles
from ingest.specs.read_files import ReadFiles
from models.database.client import Database
from models.spack.dag_hash import dag_hash
from models.spack.prefix import is_prefix
from models.specs.deletion import delete_spec
from models.specs.spec_file import load_file
from models.specs.spec_source import forget_sources
from models.specs.stored_graph import load_graph, native_document
from tests.support.archives import sample_files
from tests.support.spec_documents import (
    Json,
    clear_signed,
    diamond,
    document,
    lockfile,
    manifest,
    package,
    packed,
    same,
)
from tests.support.spec_documents import database as index

OPTIONS = ImportOptions(jobs=1)


async def _import(database: Database, *paths: Path, **options: Any) -> Report:
    return await import_paths(database, paths, ImportOptions(jobs=1, **options))


def _counts(report: Report) -> dict[str, int]:
    counts = report.record.counts.model_dump(by_alias=False)
    assert counts.pop("discovered") == sum(counts.values())
    return {name: number for name, number in counts.items() if number}


def _tree() -> dict[str, bytes]:
    """Return an install tree, an environment and a build cache, with other files among them."""
    app, other = diamond(), package("other")
    blob = gzip.compress(packed(document(other)))
    name = manifest(blob)["data"][0]["checksum"]
    prefix = f"opt/linux-icelake/app-2.1-{app.hash}"
    return {
        f"{prefix}/.spack/spec.json": packed(document(app)),
        f"{prefix}/.spack/install_manifest.json": b'{"/x": {"mode": 1}}',
        f"{prefix}/.spack/repos/builtin/spec.json": b"broken",
        f"{prefix}/share/data.json": packed(document(package("hidden"))),
        "opt/.spack-db/index.json": packed(index([app])),
        "env/spack.lock": packed(lockfile([(app, "app")])),
        "cache/v3/manifests/spec/other/other-1.0-x.spec.manifest.json": packed(manifest(blob)),
        f"cache/blobs/sha256/{name[:2]}/{name}": blob,
        "cache/build_cache/leaf.spec.json.sig": clear_signed(json.dumps(document(package("leaf")))),
        "more/specs.ndjson": b"".join(sample_bytes(SpecSampleOptions(3))),
        "more/settings.json": b'{"spec": "of something else"}',
        "more/notes.json": b"[1, 2]",
    }


def _written(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def _tar(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def _zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("form", ["tree", "tar", "zip"])
async def test_a_site_is_imported_whatever_holds_it(
    database: Database, tmp_path: Path, form: str
) -> None:
    path = {
        "tree": lambda: _written(tmp_path / "site", _tree()),
        "tar": lambda: _tar(tmp_path / "site.tar.gz", _tree()),
        "zip": lambda: _zip(tmp_path / "site.zip", _tree()),
    }[form]()
    report = await _import(database, path)
    assert (report.record.kind, report.unreadable) == ("spack", 0)
    names = {each["name"] for each in await database.specs.find({}, {"name": 1})}
    assert {"app", "mid", "leaf", "tool", "other"} <= names
    assert ("hidden" in names) == (form != "tree")  # an archive does not tell what is installed
    rejected = [(Path(each.path).name, each.reason) for each in report.record.problems]
    assert rejected == [("settings.json: spec", "not_a_spec")]
    again = await _import(database, path)
    assert set(_counts(again)) == {"unchanged", "rejected"}


@pytest.mark.slow
@pytest.mark.parametrize("above", ["repos/blobs", ".git", "sbom"])
async def test_what_the_directories_above_are_called_does_not_matter(
    database: Database, tmp_path: Path, above: str
) -> None:
    root = _written(tmp_path / above / "site", _tree())
    expected = await _import(database, _written(tmp_path / "site", _tree()), dry_run=True)
    found = await _import(database, root)
    assert found.record.counts.discovered == expected.record.counts.discovered


@pytest.mark.slow
async def test_files_of_many_specs_come_back(database: Database, tmp_path: Path) -> None:
    files = _tree()
    await _import(database, _written(tmp_path / "site", files))
    stored = await database.spec_files.find({}, {"digest": 1, "file": 1, "kind": 1})
    found = {each["kind"]: await load_file(database, each["digest"]) for each in stored}
    assert same(found["lockfile"], json.loads(files["env/spack.lock"]))
    assert same(found["database"], json.loads(files["opt/.spack-db/index.json"]))


@pytest.mark.slow
async def test_sources_of_one_spec_are_told_together(database: Database, tmp_path: Path) -> None:
    await _import(database, _written(tmp_path / "site", _tree()))
    stored = await database.specs.find_one({"_id": diamond().hash})
    assert stored is not None
    assert sorted(each["origin"] for each in stored["provenance"]) == [
        "environment", "install_tree", "install_tree"
    ]  # fmt: skip
    assert [e["environment"] for e in stored["provenance"] if "environment" in e] == ["env"]
    assert stored["isExplicit"]


@pytest.mark.parametrize("name", ["a.json", "spack.lock", "a.json.gz", "nothing", "a.spec.yaml"])
async def test_a_single_file_is_imported_by_what_is_in_it(
    database: Database, tmp_path: Path, name: str
) -> None:
    data = packed(document(diamond()))
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    report = await _import(database, tmp_path / name)
    assert _counts(report) == {"created": 1}
    graph = await load_graph(database, diamond().hash)
    assert graph is not None
    assert same(native_document(graph), document(diamond()))


async def test_a_file_of_another_kind_is_no_source(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0\1")
    report = await _import(database, tmp_path / "a.bin")
    assert (report.unreadable, report.record.status) == (1, "failed")


@pytest.mark.parametrize("data", [b"{}", b'{"name": "x", "version": "1.0"}', b'{"specs": 1}'])
async def test_a_file_of_another_form_is_refused_when_it_is_named(
    database: Database, tmp_path: Path, data: bytes
) -> None:
    path = _written(tmp_path, {"package.json": data}) / "package.json"
    assert _counts(await _import(database, tmp_path)) == {}
    report = await _import(database, path)
    assert _counts(report) == {"rejected": 1}
    assert [(p.path, p.reason) for p in report.record.problems] == [(str(path), "unknown")]
    assert report.record.status == "partial"


async def test_a_manifest_without_a_spec_is_refused_when_it_is_named(
    database: Database, tmp_path: Path
) -> None:
    path = _written(tmp_path, {"a.json": packed(manifest(b"", "text/plain"))}) / "a.json"
    report = await _import(database, path)
    assert [each.reason for each in report.record.problems] == ["no_spec"]


async def test_one_bad_item_costs_itself(database: Database, tmp_path: Path) -> None:
    good, forged = document(diamond()), document(package("forged"))
    forged["spec"]["nodes"][0]["version"] = "6.6.6"
    lines = [packed(good), b"{broken", packed(forged)]
    (tmp_path / "a.ndjson").write_bytes(b"\n".join(lines))
    report = await _import(database, tmp_path / "a.ndjson", strict=True)
    assert _counts(report) == {"created": 1, "rejected": 2}
    assert [each.reason for each in report.record.problems] == ["not_json", "hash_mismatch"]
    assert report.record.status == "partial"
    assert await database.specs.count({"name": "forged"}) == 0


@pytest.mark.parametrize("is_forged_first", [True, False])
async def test_a_content_of_another_hash_is_kept_beside_the_one_that_has_it(
    database: Database, tmp_path: Path, is_forged_first: bool
) -> None:
    """Spack never recomputes a hash, and people rename namespaces without new hashes."""
    own = package("renamed")
    good, forged = document(own), document(package("renamed"))
    forged["spec"]["nodes"][0]["namespace"] = "mine"
    order = (forged, good) if is_forged_first else (good, forged)
    for number, each in enumerate(order):
        path = _written(tmp_path, {f"{number}.spec.json": packed(each)}) / f"{number}.spec.json"
        report = await _import(database, path)
        assert _counts(report) == {"created": 1}
        assert [p.reason for p in report.record.problems] == ["hash_mismatch"] * (each is forged)
    stored = await database.specs.find({"hash": own.hash}, sort=[("_id", 1)])
    assert [each["hashVerified"] for each in stored] == [True, False]
    assert [each["hashRule"] for each in stored] == ["compact", None]
    assert stored[0]["_id"] == own.hash
    assert stored[1]["spec"]["namespace"] == "mine"
    assert await resolve_spec_id(database, own.hash) == own.hash


async def test_an_external_may_be_hashed_without_its_namespace(
    database: Database, tmp_path: Path
) -> None:
    """Spack 1.1 computes the hash of an external before it gets its namespace."""
    external: dict[str, Any] = {"path": "/usr", "module": None, "extra_attributes": {}}
    given = document(package("glibc", extra={"external": external}))
    node = given["spec"]["nodes"][0]
    node["hash"] = dag_hash({key: value for key, value in node.items() if key != "namespace"})
    path = _written(tmp_path, {"a.spec.json": packed(given)}) / "a.spec.json"
    report = await _import(database, path, strict=True)
    assert (_counts(report), report.record.problems) == ({"created": 1}, [])
    (stored,) = await database.specs.find({"hash": node["hash"]})
    assert (stored["hashVerified"], stored["hashRule"]) == (True, "without_namespace")
    assert stored["_id"].startswith(f"{node['hash']}~")  # the hash says nothing of the namespace


@pytest.mark.slow
async def test_executions_and_specs_of_one_tree_are_both_imported(
    database: Database, tmp_path: Path
) -> None:
    write_files(tmp_path, sample_files(cases=1, executions=1))
    _written(tmp_path / "software", {"spack.lock": packed(lockfile([(diamond(), "app")]))})
    report = await _import(database, tmp_path)
    assert report.record.kind == "mixed"
    assert _counts(report)["created"] == 2
    assert await database.specs.count({}) == 4
    assert await database.executions.count({}) > 0


async def test_a_dry_run_tells_what_it_would_do(database: Database, tmp_path: Path) -> None:
    path = _written(tmp_path, {"spack.lock": packed(lockfile([(diamond(), "app")]))})
    report = await _import(database, path, dry_run=True)
    assert _counts(report) == {"created": 1}
    assert await database.specs.count({}) == 0
    assert await database.spec_files.count({}) == 0


async def test_a_file_over_the_limit_is_noted(database: Database, tmp_path: Path) -> None:
    path = _written(tmp_path, {"spack.lock": b" " * 5000, "b.spec.json": packed(_small())})
    report = await _import(database, path, max_file_bytes=4000)
    assert [each.reason for each in report.record.problems] == ["too_large"]
    assert (report.unreadable, _counts(report)) == (1, {"created": 1})


def _small() -> Json:
    return document(package("small"))


async def test_links_and_ways_out_of_an_archive_are_not_followed(
    database: Database, tmp_path: Path
) -> None:
    outside = _written(tmp_path / "outside", {"spec.json": packed(_small())})
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "spec.json").symlink_to(outside / "spec.json")
    (inside / "folder").symlink_to(outside)
    tar = _tar(tmp_path / "a.tar", {"x/../../spec.json": packed(_small())})
    report = await _import(database, inside, tar)
    assert _counts(report) == {}


@pytest.mark.parametrize("form", ["configuration", "link"])
async def test_a_spack_directory_without_a_spec_hides_nothing(
    database: Database, tmp_path: Path, form: str
) -> None:
    home = _written(tmp_path / "home", {"env/spack.lock": packed(lockfile([(diamond(), "app")]))})
    if form == "link":
        installed = _written(tmp_path / "x", {"spec.json": packed(_small())})
        (home / ".spack").symlink_to(installed)
    else:
        _written(home, {".spack/config.yaml": b"config: {}"})
    assert _counts(await _import(database, home)) == {"created": 1}


def test_a_spack_directory_that_cannot_be_looked_into_is_no_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _written(tmp_path, {".spack/spec.json": b"{}"})
    assert is_prefix(tmp_path)

    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refused)
    assert not is_prefix(tmp_path)


def test_specs_that_lie_too_deep_are_noted(tmp_path: Path) -> None:
    files = SpackFiles(_written(tmp_path, {"x/" * 40 + "spec.json": b"{}"}), Budgets(), 1000)
    assert list(files.candidates()) == []
    assert [damage.reason for damage in files.damages] == ["too_deep"]


def test_an_archive_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = _tar(tmp_path / "a.tar", {"spec.json": b"{}"})
    files = SpackFiles(path, Budgets(archive_bytes=100), 1000)
    (archive,) = files.candidates()
    assert list(files.files(archive)) == []
    assert [damage.reason for damage in files.damages] == ["over_budget"]


async def test_a_cut_archive_gives_what_can_be_read(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    files = {"a.spec.json": packed(_small()), "b.spec.json": packed(document(diamond()))}
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(path.read_bytes()[: 512 + 1024 + 512 + 1000])
    report = await _import(database, path)
    assert report.record.status == "partial"
    assert report.unreadable == 1


def _unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every reading of a file fail."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was read")

    monkeypatch.setattr("ingest.specs.importer.read", refuse)


@pytest.mark.parametrize("form", ["tree", "tar", "file"])
async def test_a_known_file_is_not_opened_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    files = {"spack.lock": packed(lockfile([(diamond(), "app"), (package("x"), "x")]))}
    root = _written(tmp_path / "site", {**files, "notes.json": b'["spec"]'})
    path = {"tree": root, "tar": _tar(tmp_path / "a.tar.gz", files), "file": root / "spack.lock"}
    assert _counts(await _import(database, path[form])) == {"created": 2}
    _unread(monkeypatch)
    assert _counts(await _import(database, path[form])) == {"unchanged": 2}


async def test_a_file_that_has_changed_is_read_again(database: Database, tmp_path: Path) -> None:
    path = _written(tmp_path, {"a.spec.json": packed(document(package("one")))})
    await _import(database, path)
    times = (path / "a.spec.json").stat()
    (path / "a.spec.json").write_bytes(packed(document(package("two"))))
    os.utime(path / "a.spec.json", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert _counts(await _import(database, path)) == {"created": 1}


async def test_a_file_with_a_bad_item_is_told_each_time(database: Database, tmp_path: Path) -> None:
    path = _written(tmp_path, {"a.ndjson": packed(document(diamond())) + b"\n{broken\n"})
    assert _counts(await _import(database, path)) == {"created": 1, "rejected": 1}
    assert _counts(await _import(database, path)) == {"unchanged": 1, "rejected": 1}


async def test_a_dry_run_does_not_make_files_known(database: Database, tmp_path: Path) -> None:
    path = _written(tmp_path, {"a.spec.json": packed(document(package("one")))})
    await _import(database, path, dry_run=True)
    assert _counts(await _import(database, path)) == {"created": 1}


async def test_what_was_deleted_comes_back_with_its_file(
    database: Database, tmp_path: Path
) -> None:
    path = _written(tmp_path, {"a.spec.json": packed(document(package("one")))})
    await _import(database, path)
    assert await delete_spec(database, package("one").hash)
    assert _counts(await _import(database, path)) == {"created": 1}


async def test_a_file_is_not_known_when_specs_are_deleted_meanwhile(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    place = FileStat(str(tmp_path / "a.json"), 2, 1, 1)
    first, second = (ReadFiles(database, name) for name in ("one", "two"))
    assert await first.find([place]) == {}
    await first.remember([(place, 3)])
    assert await second.find([place]) == {place: 3}
    await forget_sources(database)
    await second.remember([(place, 3)])
    assert await ReadFiles(database, "three").find([place]) == {}
