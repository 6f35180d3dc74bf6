"""cpl.log gives the clock of the driver."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.cpl_log import Clock, parse_cpl_log
from tests.support.executions import mutations, sample_files


def clock(curr: str, stop: str, start: str = "18500101   00000") -> bytes:
    times = {"Start Time ": start, "Curr Time  ": curr, "Ref Time   ": start, "Stop Time  ": stop}
    return "".join(
        f"(seq_timemgr_clockPrint)   {name} =     {time}\n" for name, time in times.items()
    ).encode()


DRIVER = clock("18600101   00000", "18610101   43200")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(DRIVER, Clock((18600101, 0), (18610101, 43200)), id="one clock"),
        pytest.param(
            DRIVER + clock("18700101   00000", "18710101   00000"),
            Clock((18600101, 0), (18610101, 43200)),
            id="the first of two",
        ),
        pytest.param(
            b"some other line\n" * 50 + DRIVER,
            Clock((18600101, 0), (18610101, 43200)),
            id="lines before it",
        ),
        pytest.param(
            clock("10101   00000", "20101   00000"), Clock((10101, 0), (20101, 0)), id="year 1"
        ),
        pytest.param(DRIVER.partition(b"(seq_timemgr_clockPrint)   Stop")[0],
                     Clock((18600101, 0), None), id="cut before the stop"),
        pytest.param(DRIVER.replace(b"\n", b"\r\n"),
                     Clock((18600101, 0), (18610101, 43200)), id="CR LF"),
        pytest.param(DRIVER.partition(b"Curr")[0], None, id="cut before the current time"),
        pytest.param(DRIVER.replace(b"Curr", b"Last"), None, id="no current time"),
        pytest.param(DRIVER.replace(b"clockPrint", b"clockSet"), None, id="another routine"),
        pytest.param(b"", None, id="empty"),
        pytest.param(clock("-18600101   00000", "18610101   0"), None, id="negative"),
    ],
)  # fmt: skip
def test_the_first_clock_counts(head: bytes, expected: Clock | None) -> None:
    assert parse_cpl_log(head) == expected


SUBNAME = "(/e3sm/cmeps/cesm/driver/esm_time_mod.F90:esm_time_clockInit)"
NUOPC = "".join(
    f" {SUBNAME}: driver {name}: {number:10}\n"
    for name, number in (
        ("start_ymd", 18500101), ("start_tod", 0), ("curr_ymd", 18600101), ("curr_tod", 43200),
        ("stop_ymd", 99990101), ("stop_tod", 0),
    )
).encode()  # fmt: skip


def test_the_nuopc_driver_tells_only_where_its_clock_begins() -> None:
    expected = Clock((18600101, 43200), None, stops_as_configured=True)
    assert parse_cpl_log(b"lines\n" + NUOPC + NUOPC.replace(b"1860", b"1870")) == expected
    assert parse_cpl_log(NUOPC.partition(b"curr_tod")[0]) is None
    assert parse_cpl_log(NUOPC.partition(b"43200")[0] + b"432") is None


@given(st.one_of(st.binary(), mutations(sample_files()["cpl_log"]), mutations(DRIVER)))
def test_nothing_is_raised(head: bytes) -> None:
    found = parse_cpl_log(head)
    assert found is None or found.start[0] >= 0
