"""Imports of real files, where they are at hand: CASELEDGER_TEST_DATA names their directory."""

import gzip
import json
import re
import tarfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient

from ingest.cases.parsers.env_xml import parse_env_xml
from ingest.cases.parsers.namelist import parse_namelist
from ingest.importing import ImportOptions, import_paths
from models.cases.identity import CaseKey
from models.configuration.delta import flatten_delta, is_same_value
from models.database.client import Database
from models.redaction.text import masked_text, without_secrets
from tests.support.paths import REAL_DATA

_ARCHIVES = REAL_DATA / "archives"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _ARCHIVES.is_dir(), reason="the real files are not here"),
]

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


@pytest.mark.slow
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
    ended, written = map(datetime.fromisoformat, (execution["runEndLocal"], truth["run_end"]))
    assert timedelta(0) <= written - ended < timedelta(minutes=1)  # the profile is written later
    assert execution["simulationStart"]["date"] == truth["sim_start"]
    assert execution["simulationEnd"]["date"] == truth["sim_end"]
    assert execution["gitDescribe"] == truth["git_describe"]
    assert execution["caseHash"] == truth["case_hash"]
    changes = truth.get("changes", {})
    for field, kind in (
        ("runConfigDeltas", "configuration"),
        ("expectedVariation", "expected_to_vary"),
    ):
        found = flatten_delta(execution[field] or {})
        primary = {c["key"]: c for c in changes.get(kind, ()) if "derived_from" not in c}
        source = {key for key in found if key.startswith("git_")}
        assert bool(source) == ("GIT_DESCRIBE" in primary)
        assert found.keys() - source == {_delta_key(k) for k in primary if k != "GIT_DESCRIBE"}
        for key, change in primary.items():
            if key != "GIT_DESCRIBE":
                _compare_entry(found[_delta_key(key)], change)
        for change in changes.get(kind, ()):
            if "derived_from" in change:
                also = found[_delta_key(change["derived_from"])]["alsoIn"]
                assert _delta_key(change["key"]) in also


def _compare_entry(entry: dict[str, Any], change: dict[str, Any]) -> None:
    assert entry["class"] == change["class"]
    assert entry.get("absent") == {"added": "canonical", "removed": "current"}.get(
        change["presence"]
    )
    assert is_same_value(entry["canonical"], _value(change["old"]))
    assert is_same_value(entry["current"], _value(change["new"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sample.tar.gz", "real.tar.gz"])
def test_no_variable_and_no_line_of_the_real_files_is_taken_for_a_credential(name: str) -> None:
    count = 0
    with tarfile.open(_ARCHIVES / name) as archive:
        for member in archive:
            file = archive.extractfile(member)
            data = file.read() if file is not None else b""
            data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
            text = data.decode("utf-8", "replace")
            assert masked_text(text) == text
            for variable in _variables(member.name.rpartition("/")[2], data):
                count += 1
                assert without_secrets({variable: "x"}) == {variable: "x"}
    assert count > 500


def _variables(name: str, data: bytes) -> dict[str, Any]:
    artefact = name.partition(".")[0]
    if re.match(r"env_\w+\.xml\b", name):
        return parse_env_xml(data, artefact)
    is_namelist = re.match(r"user_nl_|\w+_(?:in|modelio\.nml)\b", name)
    return parse_namelist(data, artefact) if is_namelist else {}


def _value(told: Any) -> Any:
    """Read a value of the truth: text of an XML attribute, or tokens of a namelist."""
    if not isinstance(told, list):
        return told
    return parse_namelist(f"&g x = {','.join(told)} /".encode(), "any_in")["any_in.g.x"]


def _delta_key(key: str) -> str:
    match = _XML_KEY.fullmatch(key)
    if match is None:
        return key.replace(".nml/", "/").replace("/", ".")
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
