"""The phases of a build are told by its log, by its files, and by what the installer measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.builds.file_names import phase_of_log
from ingest.builds.logs.phases import (
    InstallTimes,
    PhaseReader,
    PhaseSpan,
    PhaseTime,
    describe_phases,
    parse_install_times,
)
from ingest.builds.logs.stream import log_lines
from tests.support.executions import reason_of

LOG = b"""==> No patches needed for p
==> p: Executing phase: 'cmake'
==> [2026-01-02-03:04:05.5] cmake x
==> [2026-01-02-03:04:06.5] cmake y
text
==> p: Executing phase: 'build'
==> [2026-01-02-03:04:08.5] make
"""
TIMES = (
    b'{"total":3.5,"phases":[{"name":"stage","path":"stage","seconds":0.5,"count":1},'
    b'{"name":"cmake","seconds":1.25,"count":2}],"name":"p","cache":false,"hash":"abc"}'
)


def spans(log: bytes, initial: str = "stage") -> tuple[PhaseSpan, ...]:
    reader = PhaseReader(initial)
    for line in log_lines([log]):
        reader.take(line)
    return reader.finish()


def test_a_log_is_parted_at_its_markers() -> None:
    found = spans(LOG)
    assert [(s.name, s.first_line, s.last_line) for s in found] == [
        ("stage", 1, 1), ("cmake", 2, 5), ("build", 6, 7),
    ]  # fmt: skip
    assert LOG[found[1].offset : found[1].end].startswith(b"==> p: Executing phase: 'cmake'")
    assert LOG[found[1].offset : found[1].end].endswith(b"text\n")


def test_a_phase_has_the_first_and_the_last_time_in_it() -> None:
    cmake = spans(LOG)[1]
    assert (cmake.started, cmake.last) == ("2026-01-02T03:04:05.5", "2026-01-02T03:04:06.5")


@pytest.mark.parametrize(
    "marker",
    [
        "==> p: Executing phase: 'build'",
        "==> Executing phase: 'build'",
        "==> [2026-01-02-03:04:05.123456] p: Executing phase: 'build'",
    ],
)
def test_markers_have_several_forms(marker: str) -> None:
    assert [s.name for s in spans(marker.encode())] == ["build"]


def test_the_log_of_a_phase_is_that_phase_s() -> None:
    assert [s.name for s in spans(b"x\n==> p: Executing phase: 'build'\ny", "build")] == ["build"]


def test_text_that_speaks_of_phases_is_no_marker() -> None:
    assert [s.name for s in spans(b"echo ==> p: Executing phase: 'x'\n")] == ["stage"]


@given(st.lists(st.sampled_from([*LOG.splitlines(), b"", b"x"])))
def test_spans_cover_the_log_without_gaps(lines: list[bytes]) -> None:
    log = b"\n".join(lines)
    found = spans(log)
    assert b"".join(log[s.offset : s.end] for s in found) == log
    numbers = [n for s in found for n in range(s.first_line, s.last_line + 1)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spack-build-01-autoreconf-out.txt", (1, "autoreconf")),
        ("spack-build-12-post-install-out.txt.gz", (12, "post-install")),
        ("spack-build-out.txt", None),
        ("spack-build-env.txt", None),
    ],
)
def test_a_phase_s_log_is_known_by_its_name(name: str, expected: object) -> None:
    assert phase_of_log(name) == expected


def test_the_measured_times_are_read() -> None:
    phases = (PhaseTime("stage", 0.5), PhaseTime("cmake", 1.25, 2))
    assert parse_install_times(TIMES) == InstallTimes("p", "abc", 3.5, False, phases)


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"phases":{}}',
        b'{"phases":[1,null,{"name":3},{"seconds":1}]}',
        b'{"total":true,"cache":1,"hash":[],"name":{}}',
        b'{"total":-1}',
    ],
)
def test_what_makes_no_sense_is_not_known(content: bytes) -> None:
    assert parse_install_times(content) == InstallTimes(None, None, None, None, ())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not_json"),
        (b"[]", "not_object"),
        (b'{"a":' * 9999, "not_json"),
        (b"\xff", "not_json"),
    ],
)
def test_what_are_no_times_is_refused(content: bytes, reason: str) -> None:
    assert reason_of(lambda: parse_install_times(content)) == reason


def test_measured_seconds_come_before_those_of_the_log() -> None:
    found = describe_phases(spans(LOG)[1:], parse_install_times(TIMES), None, True)
    assert [(p.name, p.seconds, p.status) for p in found] == [
        ("stage", 0.5, "success"), ("cmake", 1.25, "success"), ("build", None, "success"),
    ]  # fmt: skip


def test_without_measured_seconds_a_phase_lasts_until_the_next() -> None:
    found = describe_phases(spans(LOG)[1:], None, "build", True)
    assert [(p.name, p.seconds, p.status) for p in found] == [
        ("cmake", 3.0, "success"), ("build", None, "failed"),
    ]  # fmt: skip


def test_the_last_phase_of_a_build_that_may_go_on_is_unknown() -> None:
    found = describe_phases(spans(LOG)[1:], None, None, False)
    assert [p.status for p in found] == ["success", "unknown"]


@given(st.binary())
def test_any_bytes_give_times_or_a_documented_error(content: bytes) -> None:
    assert reason_of(lambda: parse_install_times(content)) in {"not_json", "not_object", None}
