"""Builds by real Spacks, where they are at hand: CASELEDGER_TEST_DATA names their directory."""

import json
import re
import tarfile
from pathlib import Path

import pytest

from ingest.builds.formats.cdash import parse_cdash
from ingest.builds.formats.install_tree import read_failed_log, read_install_tree, read_stage
from ingest.builds.formats.junit import parse_junit
from ingest.builds.formats.report_attempts import cdash_attempts, junit_attempts
from ingest.builds.formats.suite_stage import read_test_stage
from models.redaction.logs import Redactor
from tests.support.executions import files_in_memory
from tests.support.paths import REAL_DATA

_SPACK = REAL_DATA / "spack"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _SPACK.is_dir(), reason="the real files are not here"),
]


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def installs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("installs")
    with tarfile.open(_SPACK / "installs.tar.gz") as archive:
        archive.extractall(root, filter="data")
    return root


def test_every_installation_is_read_completely(installs: Path) -> None:
    found = list(installs.rglob(".spack"))
    for metadata in found:
        files = contents(metadata)
        attempt = read_install_tree(files_in_memory(files), metadata.parent.name)
        assert (attempt.status, attempt.problems) == ("success", ())
        assert attempt.spec is not None
        assert metadata.parent.name.endswith(attempt.spec.hash)
        assert attempt.manifest is not None
        assert attempt.manifest.outside == 0
        assert len(attempt.manifest.entries) == len(json.loads(files["install_manifest.json"]))
        assert not any(metadata.parent.name in str(e) for e in attempt.manifest.entries)
        times = json.loads(files.get("install_times.json", b'{"phases":[],"total":null}'))
        measured = [(p["name"], p["seconds"]) for p in times["phases"]]
        if measured:
            assert [(p.name, p.seconds) for p in attempt.phases] == measured
        assert attempt.seconds == times["total"]
    assert len(found) > 70


@pytest.mark.parametrize("kind", ["stage", "log"])
def test_every_failed_build_tells_phase_and_lines(kind: str) -> None:
    expected = {
        "sim-broken": ("build", r"Error: Symbol .* has no IMPLICIT type"),
        "sim-auto": ("build", r".*cannot find -l.*"),
        "compiler-wrapper": ("stage", r"spack\.error\.FetchError: .*"),
    }
    paths = [p for p in (_SPACK / "failed-builds").iterdir() if p.is_dir() == (kind == "stage")]
    assert paths
    for path in paths:
        if path.is_dir():
            attempt = read_stage(files_in_memory(contents(path)), path.name)
        else:
            attempt = read_failed_log([path.read_bytes()], path.name)
        assert attempt.spec is not None
        phase, message = expected[attempt.spec.name]
        assert (attempt.status, attempt.failed_phase) == ("failed", phase)
        assert any(re.match(message, e.text) for e in attempt.events if e.severity == "error")


def test_the_old_sample_has_its_two_warnings_with_context() -> None:
    metadata = _SPACK / "legacy" / "dummy-tar" / ".spack"
    attempt = read_install_tree(files_in_memory(contents(metadata)), "dummy-tar")
    assert [(e.log_line, len(e.before), len(e.after)) for e in attempt.events] == [
        (332, 6, 6), (333, 6, 6),
    ]  # fmt: skip
    assert attempt.manifest is not None
    assert len(attempt.manifest.entries) == 155
    assert (attempt.spec is not None, len(attempt.phases)) == (True, 4)


def test_every_report_is_read() -> None:
    for path in (_SPACK / "reports").glob("junit-*.xml"):
        attempts = junit_attempts(parse_junit(path.read_bytes()), Redactor())
        failed = path.read_bytes().count(b"<failure")
        assert sum(attempt.status == "failed" for attempt in attempts) == failed
        assert all(attempt.failed_phase for attempt in attempts if attempt.status == "failed")
    for directory in (_SPACK / "reports").glob("cdash-*"):
        files = [parse_cdash(path.read_bytes(), Redactor()) for path in directory.iterdir()]
        (attempt,) = cdash_attempts(files)
        assert (attempt.status, attempt.failed_phase, attempt.errors) == ("failed", "build", 4)


def test_the_tests_that_ran_are_read(installs: Path) -> None:
    (stage,) = next(installs.rglob("test-stage-*")).iterdir()
    suite = read_test_stage(files_in_memory(contents(stage)), Redactor())
    assert [(s.outcome, len(s.results)) for s in suite.specs] == [("passed", 1)]
    assert suite.specs[0].spec is not None
    assert len(suite.specs[0].spec.hash) == 32
