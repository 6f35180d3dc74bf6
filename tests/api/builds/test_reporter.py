"""The reporter for Spack against the server that it is written for."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from ingest.builds.document import digest_of, manifest_entries
from ingest.builds.formats.manifest import parse_manifest
from ingest.builds.scripts import report_install
from models.database.client import Database
from models.settings import Settings
from models.tokens.store import create_token
from tests.support.build_reports import HASH
from tests.support.build_trees import LOG_NAME, TREE, write_tree
from tests.support.install_trees import FAILED, LOG, NAME
from tests.support.processes import serving

MANIFEST = {
    f"/opt/{NAME}/lib/x": {"mode": 0o100644, "size": 1, "hash": "a" * 32},
    f"/opt/{NAME}/.spack": {"mode": 0o40755},
    f"/opt/{NAME}": {"mode": 0o40755},
    f"/opt/{NAME}/lib/y": {"mode": 0o120777, "dest": f"/opt/{NAME}/lib/x"},
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    wanted = {name: c for name, c in TREE.items() if name.startswith(("opt", "logs"))}
    manifest = f"opt/x/{NAME}/.spack/install_manifest.json"
    return write_tree(tmp_path, {**wanted, manifest: json.dumps(MANIFEST).encode()})


@pytest.mark.slow
async def test_builds_are_reported_to_a_server(
    database: Database,
    settings: Settings,
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, token = await create_token(database, "nightly", ["ingest"], "test", None)
    monkeypatch.setenv("CASELEDGER_TOKEN", token)
    own = {"HOME": str(settings.home), "DATABASE": settings.database}
    with serving(tmp_path, **own) as (_, port):
        words = ["--url", f"http://127.0.0.1:{port}", "--tag", "t", str(tree)]
        seen = []
        for _ in range(2):
            paths = [str(tree / "opt"), str(tree / "logs" / LOG_NAME)]
            code = await asyncio.to_thread(report_install.main, [*words[:-1], *paths])
            assert code == 0
            seen.append({b["_id"]: b["revision"] for b in await database.builds.find({})})
    assert seen[0] == seen[1]
    builds = {build["status"]: build for build in await database.builds.find({})}
    assert builds.keys() == {"success", "failed"}
    for build in builds.values():
        assert (build["specHash"], build["owner"], build["tags"]) == (HASH, "nightly", ["t"])
    installed = builds["success"]
    assert [phase["name"] for phase in installed["phases"]] == ["stage", "configure", "build"]
    assert (installed["seconds"], installed["manifest"]["entryCount"]) == (4.5, 4)
    told = json.dumps(MANIFEST).encode()
    assert installed["manifest"]["digest"] == digest_of(manifest_entries(parse_manifest(told)))
    assert installed["endedLocal"] == "2026-01-02T03:04:07.5"
    assert builds["failed"]["errorCount"] > 0
    assert builds["failed"]["failedPhase"] == "build"
    assert [phase["status"] for phase in builds["failed"]["phases"]] == ["success", "failed"]


SPACK = """
import pathlib, sys, time
stage = pathlib.Path(sys.argv[1]) / "spack-stage-{name}"
stage.mkdir(parents=True)
log = stage / "spack-build-out.txt"
lines = {log!r}.splitlines(keepends=True)
for number in range(len(lines)):
    log.write_text("".join(lines[: number + 1]))
    time.sleep(0.3)
if sys.argv[2] == "0":
    log.unlink(), stage.rmdir()
sys.exit(int(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("code", "status"), [(0, "success"), (3, "failed")])
async def test_a_build_is_reported_while_it_runs(
    database: Database,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: int,
    status: str,
) -> None:
    _, token = await create_token(database, "nightly", ["ingest"], "test", None)
    monkeypatch.setenv("CASELEDGER_TOKEN", token)
    own = {"HOME": str(settings.home), "DATABASE": settings.database}
    script, stages = tmp_path / "spack.py", tmp_path / "stages"
    script.write_text(SPACK.format(name=NAME, log=(FAILED if code else LOG).decode()))
    stages.mkdir()
    with serving(tmp_path, **own) as (_, port):
        words = ["--url", f"http://127.0.0.1:{port}", "--session", "s", "--follow",
                 "--interval", "0.1", str(stages), "--",
                 sys.executable, str(script), str(stages), str(code)]  # fmt: skip
        running = asyncio.create_task(asyncio.to_thread(report_install.main, words))
        seen = []
        while not running.done():
            seen += await database.builds.find({}, {"status": 1, "phases.name": 1, "logs.size": 1})
            await asyncio.sleep(0.05)
        assert await running == code
        (build,) = await database.builds.find({})
        assert f"http://127.0.0.1:{port}/api/v1/builds/{build['_id']}" in capsys.readouterr().out
    assert {each["status"] for each in seen[:1]} == {"running"}
    sizes = {each["logs"][0]["size"] for each in seen if each["logs"]}
    assert len(sizes) > 2
    assert (build["status"], build["session"], build["version"]) == (status, "s", "1.2")
    assert [phase["name"] for phase in build["phases"]] == ["configure", "build"]
    assert build["failedPhase"] == ("build" if code else None)


@pytest.mark.parametrize("words", [["--follow", "x"], ["x", "--", "true"]])
def test_a_command_and_follow_belong_together(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        report_install.main(["--url", "http://127.0.0.1:1", *words])
