"""Events of a log have their message whole, their place, and the lines around them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.builds.logs.events import EventLimits, EventReader, LogEvent
from ingest.builds.logs.report import LogOptions, LogReport, join_reports, read_log
from ingest.builds.logs.stream import log_lines
from tests.support.executions import packed

ERROR = "b.c:3:7: error: no x"


def events(*lines: str, **limits: int) -> tuple[LogEvent, ...]:
    reader = EventReader(EventLimits(**limits))
    for line in log_lines(["\n".join(lines).encode()]):
        reader.take(line)
    return reader.finish()


def event(*lines: str) -> LogEvent:
    (found,) = events(*lines)
    return found


def test_an_event_has_its_lines_around_it() -> None:
    found = event(*(f"before {i}" for i in range(9)), ERROR, *(f"after {i}" for i in range(9)))
    assert found.log_line == 10
    assert found.before == tuple(f"before {i}" for i in range(3, 9))
    assert found.after == tuple(f"after {i}" for i in range(6))


def test_an_event_in_the_first_lines_keeps_its_context() -> None:
    found = event("first", "second", ERROR)
    assert (found.before, found.after) == (("first", "second"), ())
    assert event(ERROR, "last").after == ("last",)


@pytest.mark.parametrize("context", [0, 1, 3])
def test_the_lines_of_context_are_as_many_as_asked_for(context: int) -> None:
    (found,) = events(*"abcde", ERROR, *"abcde", context=context)
    assert len(found.before) == len(found.after) == context


def test_events_that_are_near_are_context_of_each_other() -> None:
    first, second = events("a.c:1: warning: x", "a.c:2: warning: y")
    assert (first.after, second.before) == ((second.text,), (first.text,))


def test_equal_messages_are_one_event_that_counts() -> None:
    first, other = events(ERROR, "a", ERROR, "b.c:4:7: error: no x", ERROR)
    assert (first.log_line, first.repeat_count, other.repeat_count) == (1, 2, 0)


def test_equal_messages_of_two_phases_are_two_events() -> None:
    log = f"==> p: Executing phase: 'a'\n{ERROR}\n==> p: Executing phase: 'b'\n{ERROR}\n"
    assert [found.phase for found in read_log([log.encode()]).events] == ["a", "b"]


def test_a_message_of_gfortran_has_the_place_above_it() -> None:
    found = event("a/m.F90:6:5:", "", "    6 |  m = n", "      |  1", "Error: No type at (1)")
    assert (found.source_file, found.source_line, found.source_column) == ("a/m.F90", 6, 5)
    assert (found.text, found.log_line, found.kind) == ("Error: No type at (1)", 5, "compiler")


def test_two_messages_of_gfortran_have_each_its_own_place() -> None:
    block = ["", " 1 | x", "   | 1", "Warning: Unused at (1)"]
    found = events("a.f90:1:2:", *block, "b.f90:3:4:", *block)
    assert [e.source_file for e in found] == ["a.f90", "b.f90"]


def test_of_two_places_of_one_message_the_first_counts() -> None:
    found = event("a.f90:1:2:", "", " x", " 1", "a.f90:9:2:", "", " y", " 2", "Error: (1) and (2)")
    assert found.source_line == 1


def test_a_place_that_is_far_away_is_another_message_s() -> None:
    assert event("a.f90:1:2:", *["x"] * 30, "Error: other").source_file is None


def test_a_traceback_is_one_event_at_the_place_where_it_was_raised() -> None:
    found = event(
        "running", "Traceback (most recent call last):", '  File "a.py", line 3, in f',
        "    raise error: x", '  File "b.py", line 9, in g', "    raise E", "    ^^^^^",
        "pkg.CustomError: broken", "  in two lines", "next",
    )  # fmt: skip
    assert (found.kind, found.source_file, found.source_line) == ("python", "b.py", 9)
    assert (found.log_line, found.text) == (8, "pkg.CustomError: broken\nin two lines")
    assert found.after == ("next",)


def test_a_traceback_may_be_indented() -> None:
    found = event(
        "   Traceback (most recent call last):", '     File "a.py", line 3', "   KeyError"
    )
    assert (found.text, found.source_line) == ("KeyError", 3)


@pytest.mark.parametrize(
    "rest", [[], ['  File "a.py", line 3'], ['  File "a.py", line 3', "== end"]]
)
def test_a_traceback_that_is_cut_is_an_event(rest: list[str]) -> None:
    found = event("before", "Traceback (most recent call last):", *rest)
    assert (found.text[:9], found.log_line, found.before) == ("Traceback", 2, ("before",))


def test_the_message_of_cmake_is_taken_with_its_lines() -> None:
    found = event("CMake Error at x:3 (message):", "  Could not", "  find y", "", "  more", "z")
    assert found.text == "CMake Error at x:3 (message):\nCould not\nfind y"
    assert found.after == ("", "  more", "z")


def test_the_message_of_cray_is_taken_with_its_line() -> None:
    found = event("ftn-1 ftn: ERROR M, File = b.F90, Line = 2, Column = 3", "  No type.", "")
    assert (found.text.splitlines()[1], found.source_line) == ("No type.", 2)


def test_a_place_in_the_next_line_is_taken() -> None:
    found = event("NVFORTRAN-S-0026-Unmatched quote", "  (a/b.f90: 55)", "x")
    assert (found.source_file, found.source_line) == ("a/b.f90", 55)
    assert found.after == ("  (a/b.f90: 55)", "x")


def test_credentials_are_masked_in_text_and_context() -> None:
    url = "https://me:hunter2hunter2@host/x"
    found = event(f"get {url}", f"error: cannot read {url}", f"at {url}")
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("before", [1990, 490])
def test_a_credential_is_masked_before_a_line_is_shortened(before: int) -> None:
    token = "ghp_" + "aB3dEfGhIj" * 4
    line = f"{'x' * 490} {token}"
    found = event(line, f"error: {'x' * (before - 7)} {token}", line)
    assert "aB3" not in str(found)


def test_a_private_key_is_masked_in_the_lines_around_an_event() -> None:
    key = ["-----BEGIN RSA PRIVATE KEY-----", "c2VjcmV0", "-----END RSA PRIVATE KEY-----"]
    assert "c2VjcmV0" not in str(event(*key, ERROR, *key))


def test_long_lines_are_shortened_visibly() -> None:
    (found,) = events("b" * 99, f"error: {'a' * 99}", text=50, line=20)
    assert (len(found.text), found.text[-1]) == (50, "\u2026")
    assert (len(found.before[0]), found.before[0][-1]) == (20, "\u2026")


def test_what_is_too_much_is_counted() -> None:
    report = read_log(
        [b"".join(b"a.c:%d: error: x\n" % i for i in range(50))],
        LogOptions(limits=EventLimits(events=10)),
    )
    assert (len(report.events), report.errors, report.omitted) == (10, 50, 40)


def test_all_texts_together_are_bounded() -> None:
    log = b"".join(b"a.c:%d: error: %s\n" % (i, b"x" * 400) for i in range(9999))
    report = read_log([log], LogOptions(limits=EventLimits(events=9999, characters=100_000)))
    total = sum(len(line) for e in report.events for line in (e.text, *e.before, *e.after))
    assert 50_000 < total < 110_000
    assert len(report.events) + report.omitted == report.errors == 9999


def test_a_log_tells_phases_and_which_failed() -> None:
    log = (
        b"==> No patches\n==> p: Executing phase: 'configure'\n"
        b"==> p: Executing phase: 'build'\na.c:1: error: x\nmake: *** [a] Error 1\n"
    )
    report = read_log([log], LogOptions(name="log"))
    assert [span.name for span in report.phases] == ["stage", "configure", "build"]
    assert (report.package, report.failed_phase, report.lines) == ("p", "build", 5)
    assert {e.log for e in report.events} == {"log"}


def test_an_error_in_an_earlier_phase_did_not_fail_the_build() -> None:
    log = b"make: *** [a] Error 1\n==> p: Executing phase: 'install'\nfine\n"
    assert read_log([log]).failed_phase is None


def test_a_failure_before_any_phase_is_one_of_staging() -> None:
    assert read_log([b"==> Error: FetchError: x\n"]).failed_phase == "stage"


def test_what_can_be_read_of_a_damaged_log_is_read() -> None:
    log = packed(f"{ERROR}\n".encode() * 100)[:-8]
    report = read_log([log])
    assert (report.damage, report.errors) == ("truncated", 100)


def test_a_log_over_its_budget_says_so() -> None:
    report = read_log([f"{ERROR}\n".encode() * 100], LogOptions(budget=42))
    assert (report.damage, report.errors) == ("too_large", 2)


def test_the_logs_of_phases_make_one_report() -> None:
    parts = [
        read_log([b"configure: WARNING: x\n"], LogOptions("configure", "1")),
        read_log([b"make: *** [a] Error 1"], LogOptions("build", "2")),
    ]
    report = join_reports(parts)
    assert [(e.phase, e.log, e.log_line) for e in report.events] == [
        ("configure", "1", 1),
        ("build", "2", 1),
    ]
    assert (report.failed_phase, report.errors, report.warnings) == ("build", 1, 1)
    assert join_reports([]) == LogReport()


SIGNS = st.sampled_from(
    [ERROR, "m.f90:1:2:", "Error: x", "Traceback (most recent call last):", '  File "a", line 1',
     "CMake Error:", "  text", "", "==> p: Executing phase: 'a'", "NVC-S-0001-x", "  (b.f: 3)",
     "make: *** x", "\x1b[1merror: y", "ValueError: x", "x\ry"]
)  # fmt: skip


@given(st.lists(st.one_of(SIGNS, st.text(max_size=30)), max_size=40), st.integers(0, 4))
def test_events_agree_with_the_lines_of_the_log(lines: list[str], context: int) -> None:
    log = "\n".join(lines).encode("utf-8", errors="replace")
    texts = [line.text for line in log_lines([log])]
    report = read_log([log], LogOptions(limits=EventLimits(context=context)))
    total = sum(e.repeat_count + 1 for e in report.events)
    assert total + report.omitted == report.errors + report.warnings
    for found in report.events:
        start = found.log_line - 1
        assert texts[start].strip() == found.text.split("\n")[0]
        if "Traceback" not in found.text:
            assert found.before == tuple(texts[max(0, start - context) : start])
        assert len(found.after) <= context


@given(st.binary(max_size=500))
def test_any_bytes_give_a_report(data: bytes) -> None:
    report = read_log([data])
    assert report.damage in {None, "truncated", "damaged"}
    assert report.errors + report.warnings >= len(report.events)


HOSTILE = [
    b"error: ", b": error ", b"a:1:", b"(", b"error(", b"\x1b]", b"\r", b"Aa.Error", b"eyJ",
    b'" \', line 1: error', b"ftn-1 x: ERROR File = ", b'File "error', b"nvlink error ", b"make/",
]  # fmt: skip


@pytest.mark.parametrize("pattern", HOSTILE)
def test_hostile_lines_take_no_more_time_than_their_length(pattern: bytes) -> None:
    line = (pattern * 5000)[:4090] + b"\n"
    start = time.process_time()
    read_log([line * 100])
    read_log([pattern * (10_000_000 // len(pattern))])
    assert time.process_time() - start < 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"/x/gcc -Wall -Werror -c /a/errors.c -o warnings.o\n", id="commands"),
        pytest.param(b"a.c:1:2: warning: x\n", id="one warning"),
        pytest.param(b"Traceback (most recent call last):\n", id="headers"),
    ],
)
def test_a_log_of_200_000_lines_is_read_in_seconds(line: bytes) -> None:
    start = time.process_time()
    assert read_log([line * 200_000]).lines == 200_000
    assert time.process_time() - start < 30
