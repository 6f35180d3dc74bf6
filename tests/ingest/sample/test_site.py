"""The executions, the specs and the builds of the sample fit together."""

from pathlib import Path

import pytest

from api.cli.demo import make_samples
from ingest.importing import ImportOptions, import_paths
from ingest.sample import write_files
from ingest.sample.builds import build_files
from ingest.sample.site import FIRST_STACK, SECOND_STACK
from models.database.client import Database


def test_the_stacks_differ_by_what_stands_on_zlib() -> None:
    first, second = ({node.name: node for node in s.nodes} for s in (FIRST_STACK, SECOND_STACK))
    assert first.keys() == second.keys()
    assert first["gmake"] == second["gmake"]
    assert (first["zlib"].native["version"], second["zlib"].native["version"]) == (
        "1.2.11", "1.2.13",
    )  # fmt: skip
    for name in ("netcdf-c", "hdf5", "openmpi", "cmake"):
        same = ("version", "parameters")
        assert all(first[name].native[key] == second[name].native[key] for key in same)
        assert first[name].hash != second[name].hash
    assert {module.split("-")[-1] for module in FIRST_STACK.modules} <= {
        node.hash[:7] for node in FIRST_STACK.nodes
    }


@pytest.mark.slow
async def test_every_build_of_the_sample_is_read_whole(database: Database, tmp_path: Path) -> None:
    write_files(tmp_path, build_files())
    report = await import_paths(database, [tmp_path], ImportOptions(jobs=0))
    assert report.record.counts.rejected == 0
    assert await database.builds.count({"problems": {"$ne": []}}) == 0
    without = await database.builds.find({"kind": "build", "manifest": None}, {"status": 1})
    assert sorted(build["status"] for build in without) == ["cancelled", "failed"]
    (failed,) = await database.builds.find({"status": "failed"})
    assert (failed["name"], failed["failedPhase"]) == ("hdf5", "build")
    assert "undefined reference" in " ".join(event["text"] for event in failed["events"])
    twice = await database.builds.aggregate(
        [
            {"$match": {"status": "success"}},
            {"$group": {"_id": "$specHash", "manifests": {"$addToSet": "$manifest.digest"}}},
            {"$match": {"manifests.1": {"$exists": True}}},
        ]
    )
    assert len(twice) == 1


@pytest.mark.slow
@pytest.mark.parametrize("is_reversed", [False, True])
async def test_the_executions_of_the_sample_ran_on_its_specs(
    database: Database, tmp_path: Path, is_reversed: bool
) -> None:
    paths = make_samples(tmp_path, 1)
    for path in reversed(paths) if is_reversed else paths:
        await import_paths(database, [path], ImportOptions(jobs=0))
    listed = await database.executions.find({}, sort=[("orderKey", 1)])
    linked = [
        {spec["hash"] for spec in each["specs"] if spec["name"] == "netcdf-c"} for each in listed
    ]
    hashes = {
        stack: next({node.hash} for node in stack.nodes if node.name == "netcdf-c")
        for stack in (FIRST_STACK, SECOND_STACK)
    }
    assert all(len(each["specs"]) == len(each["software"]) == 8 for each in listed)
    assert linked[0] == hashes[FIRST_STACK]
    assert linked[-1] == hashes[SECOND_STACK]
