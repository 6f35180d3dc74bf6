"""Builds are found in directories and archives, read once, and counted."""

import gzip
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from ingest.archives.budgets import Budgets
from ingest.archives.kinds import tar_reader
from ingest.archives.reader import ArchiveReader
from ingest.builds.importing import import_builds
from ingest.builds.sources import ArchiveBuildFileSource
from models.database.client import Database
from models.ingestions.audit import Audit
from models.ingestions.ingestion import Counts
from tests.support.build_reports import HASH, OTHER
from tests.support.build_trees import LOG_NAME, TEST_ID, TREE, imported, write_tree
from tests.support.executions import packed
from tests.support.install_trees import FAILED, NAME, SECRET
from tests.support.sources import tar, write

KINDS = ["cdash", "install_tree", "junit", "junit", "log", "monitor", "stage", "test"]


def write_tar(path: Path, files: Mapping[str, bytes] = TREE) -> Path:
    """Write a packed tar file as `tar -C directory .` names its members: each begins with `./`."""
    members = [(tarfile.TarInfo(f"./{name}"), content) for name, content in files.items()]
    path.write_bytes(packed(tar(members)))
    return path


async def sources(database: Database) -> list[str]:
    found = await database.builds.find({}, {"sources": 1})
    return sorted(source for build in found for source in build["sources"])


@pytest.fixture(params=["directory", "tar", "zip"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "directory":
        return write_tree(tmp_path / "root")
    return write_tar(tmp_path / "a.tgz") if request.param == "tar" else write(tmp_path, "zip", TREE)


async def test_everything_that_builds_leave_is_imported(database: Database, source: Path) -> None:
    audit = await imported(database, source)
    assert audit.record.counts == Counts(discovered=8, created=8)
    assert audit.record.problems == []
    assert await sources(database) == KINDS
    assert audit.record.status == "completed"
    again = await imported(database, source)
    assert again.record.counts.unchanged == again.record.counts.discovered > 0
    assert again.record.counts.created == again.record.counts.updated == 0
    found = await database.builds.find({})
    assert SECRET not in str(found)


async def test_an_archive_is_read_once_and_only_when_anything_is_wanted(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.builds.importing._LOOKUP_SIZE", 1)
    wanted = {name: c for name, c in TREE.items() if name.startswith(("opt", "logs", "cdash"))}
    path = write_tar(tmp_path / "a.tgz", wanted)
    walks = []

    def counted(file: BinaryIO, budgets: Budgets) -> ArchiveReader:
        walks.append(file)
        return tar_reader(file, budgets)

    for expected in (2, 1):
        audit = Audit(database.ingestions, [path], "builds", lambda _: None)
        place = ArchiveBuildFileSource(path, Budgets(), counted)
        await import_builds(database, place, audit)
        assert len(walks) == expected
        walks.clear()


def test_an_archive_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz")
    source = ArchiveBuildFileSource(path, Budgets(archive_bytes=100), tar_reader)
    assert source.units() == []
    assert [damage.reason for damage in source.damages] == ["over_budget"]


def test_an_archive_that_changes_before_it_is_read_is_noted(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz")
    source = ArchiveBuildFileSource(path, Budgets(), tar_reader)
    units = source.units()
    write_tar(tmp_path / "b.tar.gz", {}).replace(path)
    assert list(source.read(units)) == []
    assert [damage.reason for damage in source.damages] == ["changed"]


async def test_what_is_known_is_not_opened(database: Database, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "t", {n: c for n, c in TREE.items() if n.startswith("opt/")})
    await imported(database, tree)
    log = tree / f"opt/x/{NAME}/.spack/spack-build-out.txt.gz"
    status = log.stat()
    log.write_bytes(b"?" * status.st_size)
    os.utime(log, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (await imported(database, tree)).record.counts == Counts(discovered=1, unchanged=1)


async def test_the_same_files_elsewhere_change_nothing(database: Database, tmp_path: Path) -> None:
    await imported(database, write_tree(tmp_path / "a"))
    again = await imported(database, write_tree(tmp_path / "b"))
    assert again.record.counts == Counts(discovered=8, unchanged=8)


@pytest.mark.parametrize(
    ("below", "kind"),
    [
        (f"opt/x/{NAME}", "install_tree"),
        (f"opt/x/{NAME}/.spack", "install_tree"),
        (f"stage/spack-stage-{NAME}", "stage"),
        (f"logs/{LOG_NAME}", "log"),
        ("test/suite", "test"),
    ],
)
async def test_a_path_may_begin_anywhere(
    database: Database, tmp_path: Path, below: str, kind: str
) -> None:
    await imported(database, write_tree(tmp_path) / below)
    (build,) = await database.builds.find({})
    assert build["sources"] == [kind]
    assert build["specHash"].startswith(HASH[:7])
    assert build["sourcePath"] == str(tmp_path / below).removesuffix("/.spack")


async def test_what_a_failure_in_a_report_kept_from_being_run_is_cancelled(
    database: Database, tmp_path: Path
) -> None:
    await imported(database, write_tree(tmp_path) / "reports")
    by_spec = {build["specHash"]: build for build in await database.builds.find({})}
    assert by_spec[HASH]["status"] == "failed"
    assert by_spec[OTHER]["status"] == "cancelled"
    assert by_spec[OTHER]["cancelledBy"] == {
        "buildId": by_spec[HASH]["_id"], "name": "dep", "specHash": HASH,
    }  # fmt: skip


async def test_a_test_run_is_no_build(database: Database, tmp_path: Path) -> None:
    await imported(database, write_tree(tmp_path) / "test")
    (run,) = await database.builds.find({})
    assert (run["kind"], run["status"], run["failedPhase"]) == ("test", "failed", "test")
    assert [(t["name"], t["outcome"], t["message"]) for t in run["tests"]] == [
        ("P::test_x", "failed", "bad")
    ]


async def test_damage_in_a_test_stage_is_told(database: Database, tmp_path: Path) -> None:
    log = f"{TEST_ID}-test-out.txt"
    damaged = {log: packed(b"FAILED: P::test_x: bad\n" * 99)[:-9], "test_suite.lock": b"{"}
    suite = {**damaged, "results.txt": f"{TEST_ID} FAILED\n".encode()}
    audit = await imported(database, write_tree(tmp_path / "suite", suite))
    (run,) = await database.builds.find({})
    assert {problem["file"] for problem in run["problems"]} == {log, "test_suite.lock"}
    assert [each["damage"] for each in run["logs"]] == ["truncated"]
    assert len(audit.record.problems) == 2


@pytest.mark.parametrize(
    ("files", "reasons"),
    [
        ({"results.txt": packed(b"x" * 99)[:-9]}, ["truncated"]),
        ({"test_suite.lock": b"{}"}, ["no_spec"]),
        ({"results.txt": b"of something else"}, []),
    ],
    ids=["damaged", "empty", "of another kind"],
)
async def test_a_test_stage_without_a_spec_is_refused(
    database: Database, tmp_path: Path, files: dict[str, bytes], reasons: list[str]
) -> None:
    audit = await imported(database, write_tree(tmp_path / "suite", files))
    assert [problem.reason for problem in audit.record.problems] == reasons
    assert audit.record.counts.rejected == len(reasons)


async def test_one_bad_file_costs_itself(database: Database, tmp_path: Path) -> None:
    files = {**TREE, "bad/junit.xml": b"<testsuites><testsuite", "logs/spack-stage-x.log": b"?"}
    audit = await imported(database, write_tree(tmp_path, files))
    assert (audit.record.counts.created, audit.record.counts.rejected) == (8, 2)
    reasons = {problem.reason for problem in audit.record.problems}
    assert reasons == {"not_xml", "no_spec"}
    assert audit.record.status == "partial"


async def test_a_cut_archive_gives_what_it_has(database: Database, tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "a.tar.gz").read_bytes()
    plain = tmp_path / "b.tar"
    plain.write_bytes(gzip.decompress(whole)[: -20 * 512])
    audit = await imported(database, plain)
    assert audit.record.counts.created > 3
    assert (audit.unreadable, audit.record.status) == (1, "partial")


async def test_a_dry_run_counts_and_stores_nothing(database: Database, tmp_path: Path) -> None:
    audit = await imported(database, write_tree(tmp_path), dry_run=True)
    assert audit.record.counts.created == 8
    assert await database.builds.count({}) == 0


async def test_members_that_lead_elsewhere_are_not_read(database: Database, tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tgz", {f"../{LOG_NAME}": FAILED})
    audit = await imported(database, path)
    assert audit.record.counts == Counts()
