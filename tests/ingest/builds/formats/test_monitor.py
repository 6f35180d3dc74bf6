"""What Spack saved for the monitor is read as attempts."""

import json

import pytest
from hypothesis import given, settings

from ingest.builds.formats.attempt import BuildAttempt
from ingest.builds.formats.monitor import read_monitor_directory
from models.redaction.logs import Redactor
from tests.support.executions import files_in_memory, mutations
from tests.support.monitor_files import CONFIG, DAG, FULL, METADATA, build_id, saved


def attempts(files: dict[str, bytes]) -> tuple[BuildAttempt, ...]:
    return read_monitor_directory(files_in_memory(files), Redactor())


def test_a_build_is_put_together_from_its_files() -> None:
    (attempt,) = attempts(saved())
    assert attempt.spec is not None
    assert (attempt.spec.name, attempt.spec.version, attempt.spec.hash) == ("p", "1.2", DAG)
    assert (attempt.status, attempt.failed_phase, attempt.tags) == ("failed", "build", ("a", "b"))
    assert [(p.name, p.status) for p in attempt.phases] == [
        ("autoreconf", "success"), ("build", "failed"),
    ]  # fmt: skip
    assert attempt.host is not None
    assert attempt.host.host_target == "skylake"


def test_lines_and_bytes_count_in_all_phases_together() -> None:
    (attempt,) = attempts(saved())
    (event,) = attempt.events
    content = attempt.log_content
    assert content is not None
    assert content.splitlines()[event.log_line - 1].decode() == event.text
    for phase, start in zip(attempt.phases, (b"x\ny\n", b"==> p: Executing"), strict=True):
        assert phase.span is not None
        assert content[phase.span.offset : phase.span.end].startswith(start)


def test_files_belong_to_the_build_whose_id_they_have() -> None:
    other = METADATA | {"hostname": "other", "full_hash": "e" * 32}
    files = saved() | {
        name: content for name, content in saved(other, build_id(other)).items() if "status" in name
        or "metadata" in name
    }  # fmt: skip
    found = {a.host.hostname: a for a in attempts(files) if a.host}
    assert {host: len(a.phases) for host, a in found.items()} == {"h": 2, "other": 0}
    assert found["other"].status == "failed"


@pytest.mark.parametrize(
    ("status", "expected"),
    [("SUCCESS", "success"), ("CANCELLED", "cancelled"), ("NOTRUN", "not_run"), ("odd", "failed")],
)
def test_the_status_is_in_our_words(status: str, expected: str) -> None:
    files = saved()
    name = next(name for name in files if name.endswith("-status.json"))
    (attempt,) = attempts(files | {name: json.dumps({"status": status}).encode()})
    assert attempt.status == expected


def test_without_its_spec_a_build_has_the_full_hash_only() -> None:
    (attempt,) = attempts({k: v for k, v in saved().items() if not k.startswith("spec-")})
    assert attempt.spec is None
    assert attempt.package == "p"


def test_a_damaged_file_is_a_problem() -> None:
    name = next(name for name in saved() if name.endswith("phase-build.json"))
    (attempt,) = attempts(saved() | {name: b"{"})
    assert [(p.path, p.reason) for p in attempt.problems] == [(name, "not_json")]
    assert [p.name for p in attempt.phases] == ["autoreconf"]


@settings(deadline=None, max_examples=40)
@given(mutations(json.dumps(METADATA).encode()), mutations(json.dumps(CONFIG).encode()))
def test_mutated_files_never_raise(metadata: bytes, config: bytes) -> None:
    name = f"build-metadata-{FULL}.json"
    attempts(saved() | {name: metadata, "spec-p-1.2-config.json": config})
