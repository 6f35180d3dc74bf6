"""Imports of real files, where they are at hand: CASELEDGER_TEST_DATA names their directory."""

import gzip
import json
import os
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient

from ingest.pipeline import ImportOptions, import_paths
from models.database import Database
from models.delta import flatten_delta
from models.identity import CaseKey

_BESIDE = Path(__file__).parents[2] / "shared" / "data"
_ARCHIVES = Path(os.environ.get("CASELEDGER_TEST_DATA", _BESIDE)) / "archives"

pytestmark = pytest.mark.skipif(not _ARCHIVES.is_dir(), reason="the real files are not here")

_XML_KEY = re.compile(r"(env_\w+)\.xml/([^/]+)/(\w+)(?:\[(\w+)\])?")


def _truth() -> dict[str, Any]:
    with gzip.open(_ARCHIVES / "sample-truth.json.gz") as file:
        truth: dict[str, Any] = json.load(file)
    return truth


@pytest.fixture(scope="module")
def sample_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    with tarfile.open(_ARCHIVES / "sample.tar.gz") as archive:
        archive.extractall(root, filter="data")
    return root


async def test_the_sample_has_its_canonical_executions_dates_and_deltas(
    database: Database, sample_tree: Path
) -> None:
    report = await import_paths(database, [sample_tree], ImportOptions())
    assert report.record.counts.created == 40
    for case in _truth()["cases"]:
        case_id = CaseKey(case["machine"], case["user"], case["case_name"]).case_id
        stored = await database.cases.find_one({"_id": case_id})
        assert stored is not None
        assert stored["canonicalExecutionId"] == case["canonical"]
        assert stored["compset"] == case["compset"]
        assert stored["gridName"] == case["res"]
        for execution, truth in zip(stored["executions"], case["executions"], strict=True):
            _compare(execution, truth)
    again = await import_paths(database, [sample_tree], ImportOptions())
    assert again.record.counts.unchanged == 40


def _compare(execution: dict[str, Any], truth: dict[str, Any]) -> None:
    assert execution["executionId"] == truth["lid"]
    assert execution["status"] == truth["status"]
    assert execution["runStartLocal"] == truth["run_start"].replace(" ", "T")
    assert execution["runEndLocal"] == truth["run_end"].replace(" ", "T")
    assert execution["simulationStart"]["date"] == truth["sim_start"]
    assert execution["simulationEnd"]["date"] == truth["sim_end"]
    assert execution["gitDescribe"] == truth["git_describe"]
    assert execution["caseHash"] == truth["case_hash"]
    changes = truth.get("changes", {})
    for field, kind in (
        ("runConfigDeltas", "configuration"),
        ("expectedVariation", "expected_to_vary"),
    ):
        found = {
            key: (str(entry["canonical"]).upper(), str(entry["current"]).upper(), entry["class"])
            for key, entry in flatten_delta(execution[field] or {}).items()
            if key.startswith("env_")
        }
        assert found == {
            _delta_key(c["key"]): (c["old"].upper(), c["new"].upper(), c["class"])
            for c in changes.get(kind, ())
            if c["key"].startswith("env_")
        }


def _delta_key(key: str) -> str:
    match = _XML_KEY.fullmatch(key)
    assert match is not None
    file, group, name, component = match.groups()
    parts = [file, name] if file != "env_workflow" else [file, group.replace(".", "_"), name]
    return ".".join([*parts, component] if component else parts)


async def test_the_real_archive_shows_its_values_over_rest(
    database: Database, client: AsyncClient
) -> None:
    report = await import_paths(database, [_ARCHIVES / "real.tar.gz"], ImportOptions())
    assert report.record.counts.created == 2
    page = (await client.get("/api/v1/executions")).json()
    assert {item["machine"] for item in page["items"]} == {"cades", "cori-knl"}
    for item in page["items"]:
        path = f"/api/v1/cases/{item['caseId']}/executions/{item['executionId']}"
        execution = (await client.get(path)).json()
        assert execution["status"] == "completed"
        assert execution["isCanonical"]
        assert execution["compset"].startswith("I20TR")
        assert execution["gitCommitHash"]
        assert execution["timing"]["modelThroughput"] > 0
        assert execution["simulationStart"]["calendar"] == "NO_LEAP"
        assert len(execution["configuration"]) > 400
