"""`caseledger import` takes builds with all else that a path holds, and links both sides."""

import gzip
import json
from pathlib import Path

import pytest

from ingest.importing import ImportOptions, import_paths
from models.cases.execution import Software
from models.cases.recording import write_case
from models.database.client import Database
from tests.support.build_reports import HASH
from tests.support.build_trees import write_tree
from tests.support.cases import FIRST, success
from tests.support.executions import KEY, RULES


async def test_a_tree_of_builds_is_imported(database: Database, tmp_path: Path) -> None:
    report = await import_paths(database, [write_tree(tmp_path)], ImportOptions(jobs=1))
    assert await database.builds.count({}) == 8
    assert report.record.kind == "spack"
    assert report.unreadable == 0
    assert report.record.counts.created >= 8
    again = await import_paths(database, [tmp_path], ImportOptions(jobs=1))
    assert (again.record.counts.created, again.record.counts.updated) == (0, 0)


@pytest.mark.parametrize("name", ["reports/junit.xml", "cdash/Build.xml"])
async def test_a_single_report_is_imported(database: Database, tmp_path: Path, name: str) -> None:
    path = write_tree(tmp_path) / name
    report = await import_paths(database, [path], ImportOptions(jobs=1))
    assert (report.unreadable, report.record.counts.rejected) == (0, 0)
    assert report.record.counts.created == await database.builds.count({}) > 0


async def test_a_single_report_of_no_build_is_refused(database: Database, tmp_path: Path) -> None:
    path = write_tree(tmp_path) / "reports/other.xml"
    report = await import_paths(database, [path], ImportOptions(jobs=1))
    assert [(p.path, p.reason) for p in report.record.problems] == [(str(path), "unknown")]
    assert (report.record.counts.rejected, report.record.status) == (1, "partial")


async def test_a_file_of_the_old_monitor_is_no_spec_of_another_form(
    database: Database, tmp_path: Path
) -> None:
    path = next(path for path in write_tree(tmp_path).glob("monitor/build-metadata-*"))
    report = await import_paths(database, [path], ImportOptions(jobs=1))
    assert "unknown" not in [problem.reason for problem in report.record.problems]
    assert report.record.counts.discovered == 1


async def test_a_spec_that_comes_later_links_the_execution(
    database: Database, tmp_path: Path
) -> None:
    node = {
        "name": "p", "version": "1.2", "hash": HASH, "parameters": {}, "namespace": "builtin",
        "arch": {"platform": "linux", "platform_os": "debian12", "target": "x86_64"},
        "package_hash": "x",
    }  # fmt: skip
    document = {"spec": {"_meta": {"version": 3}, "nodes": [node]}}
    software = Software(name="p", version="1.2", hash=HASH[:7], source="module")
    await write_case(database, KEY, [success(FIRST, software=[software])], RULES)
    path = tmp_path / "spec.json.gz"
    path.write_bytes(gzip.compress(json.dumps(document).encode()))
    report = await import_paths(database, [path], ImportOptions(jobs=1))
    assert report.record.counts.created == 1, report.record.problems
    (execution,) = await database.executions.find({})
    assert [spec["hash"] for spec in execution["specs"]] == [HASH]
