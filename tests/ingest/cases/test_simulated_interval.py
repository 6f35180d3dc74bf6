"""The simulated interval comes from the coupler's clock, or from the variables."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.cpl_log import Clock
from ingest.cases.simulated_interval import case_calendar, simulated_interval

Shown = tuple[str | None, str | None, str | None]


def shown(variables: dict[str, Any], clock: Clock | None = None) -> Shown:
    found = simulated_interval({f"env_run.{key}": value for key, value in variables.items()}, clock)
    start, end = found.start, found.end
    return start.date if start else None, end.date if end else None, found.source


RUN = {"RUN_STARTDATE": "1850-01-01", "STOP_OPTION": "nyears", "STOP_N": 5}
CLOCK = Clock((18600101, 0), (18610101, 0))
UNKNOWN = (None, None, None)


@pytest.mark.parametrize(
    ("changes", "clock", "expected"),
    [
        pytest.param({}, None, ("1850-01-01", "1855-01-01", "env_run.xml"), id="variables"),
        pytest.param({}, CLOCK, ("1860-01-01", "1861-01-01", "cpl.log"), id="clock"),
        pytest.param(
            {"CONTINUE_RUN": True},
            CLOCK,
            ("1860-01-01", "1861-01-01", "cpl.log"),
            id="continuation",
        ),
        pytest.param({"CONTINUE_RUN": True}, None, UNKNOWN, id="continuation without a clock"),
        pytest.param(
            {},
            Clock((18600101, 3600), (18610101, 1)),
            ("1860-01-01T01:00:00", "1861-01-01T00:00:01", "cpl.log"),
            id="clock within a day",
        ),
        pytest.param(
            {}, Clock((18600101, 0), None), ("1860-01-01", None, "cpl.log"), id="clock without end"
        ),
        pytest.param(
            {}, Clock((18600101, 0), (18619999, 0)), ("1860-01-01", None, "cpl.log"), id="bad end"
        ),
        pytest.param(
            {},
            Clock((18609999, 0), None),
            ("1850-01-01", "1855-01-01", "env_run.xml"),
            id="clock that makes no sense",
        ),
        pytest.param(
            {"RUN_TYPE": "branch", "RUN_REFDATE": "0201-01-01", "RUN_REFTOD": "03600"},
            None,
            ("0201-01-01T01:00:00", "0206-01-01T01:00:00", "env_run.xml"),
            id="branch",
        ),
        pytest.param(
            {"START_TOD": 43200},
            None,
            ("1850-01-01T12:00:00", "1855-01-01T12:00:00", "env_run.xml"),
            id="time of day",
        ),
        pytest.param(
            {"STOP_OPTION": "date", "STOP_N": -1, "STOP_DATE": 18520301},
            None,
            ("1850-01-01", "1852-03-01", "env_run.xml"),
            id="stop at a date",
        ),
        pytest.param(
            {"STOP_OPTION": "never"}, None, ("1850-01-01", None, "env_run.xml"), id="never stops"
        ),
        pytest.param({"STOP_N": -999}, None, ("1850-01-01", None, "env_run.xml"), id="N not set"),
        pytest.param({"STOP_N": "$N"}, None, ("1850-01-01", None, "env_run.xml"), id="reference"),
        pytest.param({"STOP_N": 1e300}, None, ("1850-01-01", None, "env_run.xml"), id="huge real"),
        pytest.param(
            {"STOP_OPTION": 5}, None, ("1850-01-01", None, "env_run.xml"), id="odd option"
        ),
        pytest.param(
            {"STOP_OPTION": "ndays", "STOP_N": "9" * 40},
            None,
            ("1850-01-01", None, "env_run.xml"),
            id="more days than there are",
        ),
        pytest.param({"RUN_STARTDATE": None}, None, UNKNOWN, id="no start"),
        pytest.param({"RUN_STARTDATE": "soon"}, None, UNKNOWN, id="start that is no date"),
        pytest.param({"RUN_STARTDATE": "0004-02-29"}, None, UNKNOWN, id="leap day in noleap"),
        pytest.param({"START_TOD": 86400}, None, UNKNOWN, id="time that is none"),
        pytest.param(
            {"RUN_STARTDATE": "0000-01-01"},
            None,
            ("0000-01-01", "0005-01-01", "env_run.xml"),
            id="year 0",
        ),
    ],
)
def test_the_interval_of_an_execution(
    changes: dict[str, Any], clock: Clock | None, expected: Shown
) -> None:
    assert shown(RUN | changes, clock) == expected


@pytest.mark.parametrize(
    ("variables", "calendar"),
    [
        pytest.param({}, "NO_LEAP", id="default"),
        pytest.param({"env_build.CALENDAR": "GREGORIAN"}, "GREGORIAN", id="of the build"),
        pytest.param({"env_run.CALENDAR": "GREGORIAN"}, "GREGORIAN", id="of the run"),
        pytest.param(
            {"env_build.CALENDAR": "GREGORIAN", "env_run.CALENDAR": "NO_LEAP"},
            "GREGORIAN",
            id="of the build before that of the run",
        ),
        pytest.param({"env_build.CALENDAR": "JULIAN"}, "NO_LEAP", id="unheard of"),
        pytest.param({"env_build.CALENDAR": 5}, "NO_LEAP", id="no text"),
    ],
)
def test_the_calendar_of_a_case(variables: dict[str, Any], calendar: str) -> None:
    assert case_calendar(variables) == calendar


def test_the_calendar_decides_the_length_of_february() -> None:
    variables = {f"env_run.{key}": value for key, value in RUN.items()} | {
        "env_run.RUN_STARTDATE": "2000-02-28",
        "env_run.STOP_OPTION": "ndays",
        "env_run.STOP_N": 1,
        "env_build.CALENDAR": "GREGORIAN",
    }
    end = simulated_interval(variables, None).end
    assert end is not None
    assert (end.date, end.calendar) == ("2000-02-29", "GREGORIAN")


odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["1850-01-01", "ndays", "nsteps", "date", "ifdays0", "9" * 5000]), st.text(),
)  # fmt: skip
names = ["RUN_STARTDATE", "RUN_REFDATE", "STOP_OPTION", "STOP_N", "STOP_DATE", "START_TOD"]
times = st.tuples(st.integers(0, 10**12), st.integers(0, 99_999))


def test_a_clock_of_nuopc_stops_as_is_configured_from_where_it_begins() -> None:
    clock = Clock((18600101, 0), None, stops_as_configured=True, log="drv.log")
    run = RUN | {"CONTINUE_RUN": True, "STOP_OPTION": "nyears", "STOP_N": 5}
    assert shown(run, clock) == ("1860-01-01", "1865-01-01", "drv.log")


clocks = st.one_of(st.none(), st.builds(Clock, times, st.one_of(st.none(), times)))


@given(st.dictionaries(st.sampled_from(names), odd), clocks, st.booleans())
def test_no_values_make_it_fail(
    changes: dict[str, Any], clock: Clock | None, is_gregorian: bool
) -> None:
    calendar = {"CALENDAR": "GREGORIAN"} if is_gregorian else {}
    start, end, source = shown(RUN | changes | calendar, clock)
    assert (start is None) == (source is None)
    assert start is not None or end is None
