"""Imports of what real Spacks left, where it is at hand, agree with the files."""

import json
import tarfile
from pathlib import Path

import pytest

from models.builds.log import read_log
from models.database.client import Database
from tests.support.build_observations import kept_events
from tests.support.build_trees import imported
from tests.support.paths import REAL_DATA

_SPACK = REAL_DATA / "spack"

pytestmark = pytest.mark.skipif(not _SPACK.is_dir(), reason="the real files are not here")


@pytest.mark.slow
async def test_all_installations_agree_with_their_files(database: Database) -> None:
    audit = await imported(database, _SPACK / "installs.tar.gz")
    assert audit.record.counts.rejected == 0
    assert audit.record.problems == []
    trees = 0
    with tarfile.open(_SPACK / "installs.tar.gz") as archive:
        for member in archive:
            if not member.name.endswith("/.spack/install_manifest.json"):
                continue
            trees += 1
            content = archive.extractfile(member)
            assert content is not None
            prefix = Path(member.name).parents[1]
            path = f"{_SPACK / 'installs.tar.gz'}/{prefix}"
            (build,) = await database.builds.find({"sourcePath": path})
            assert prefix.name.endswith(build["specHash"])
            assert build["manifest"]["entryCount"] == len(json.load(content))
            assert build["status"] == "success"
    assert await database.builds.count({"sources": "install_tree"}) == trees > 70
    assert await database.builds.count({"kind": "test", "status": "success"}) == 1
    again = await imported(database, _SPACK / "installs.tar.gz")
    assert again.record.counts.created == again.record.counts.updated == 0


async def test_a_stage_and_its_log_are_one_attempt(database: Database) -> None:
    audit = await imported(database, _SPACK / "failed-builds")
    assert audit.record.counts.rejected == 0
    broken = await database.builds.find({"name": "sim-broken"})
    assert sorted(build["sources"] for build in broken) == [["log"], ["log", "stage"]]
    for build in await database.builds.find({}):
        assert build["status"] == "failed"
        events = await kept_events(database, build["_id"])
        errors = [event for event in events if event.severity == "error"]
        assert any(event.phase == build["failedPhase"] for event in errors)


@pytest.mark.slow
async def test_reports_name_what_a_failure_cancelled(database: Database) -> None:
    await imported(database, _SPACK / "failed-builds")
    audit = await imported(database, _SPACK / "reports")
    assert audit.record.counts.rejected == 0
    cancelled = await database.builds.find({"status": "cancelled"})
    assert sorted(build["name"] for build in cancelled) == [
        "sim-auto", "sim-auto", "sim-broken", "sim-broken",
    ]  # fmt: skip
    for build in cancelled:
        cause = await database.builds.find_one({"_id": build["cancelledBy"]["buildId"]})
        assert cause is not None
        assert (cause["name"], cause["status"]) == ("compiler-wrapper", "failed")
        assert set(cause["sources"]) == {"log", "junit"}
    merged = await database.builds.find({"sources": ["junit", "log"], "name": "sim-broken"})
    assert [build["failedPhase"] for build in merged] == ["build"]
    assert await database.builds.count({"status": "not_run"}) == 0


async def test_the_old_sample_has_its_warnings_and_its_whole_log(database: Database) -> None:
    await imported(database, _SPACK / "legacy" / "dummy-tar")
    (build,) = await database.builds.find({})
    assert [(e["logLine"], len(e["before"]), len(e["after"])) for e in build["events"]] == [
        (332, 6, 6), (333, 6, 6),
    ]  # fmt: skip
    assert (build["manifest"]["entryCount"], build["manifest"]["fileCount"]) == (155, 62)
    log = (_SPACK / "legacy/dummy-tar/.spack/spack-build-out.txt").read_bytes()
    digest = build["logs"][0]["digest"]
    assert b"".join([piece async for piece in read_log(database.logs, digest)]) == log
    phase = next(phase for phase in build["phases"] if phase["name"] == "build")
    part = read_log(database.logs, digest, phase["offset"], phase["end"])
    assert (await anext(part)).startswith(b"==> tar: Executing phase: 'build'")
