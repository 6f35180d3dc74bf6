"""Dates of the simulated calendar are calculated as the model does."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.cases.simulated_date import (
    CALENDARS,
    Calendar,
    ModelDate,
    is_leap,
    month_days,
    parse_iso_date,
    parse_model_date,
    parse_ymd,
    stop_date,
)

_DAY = 86400
calendars = st.sampled_from(CALENDARS)
years = st.one_of(st.integers(0, 5), st.integers(1890, 2110), st.integers(0, 200_000))


@st.composite
def model_dates(draw: st.DrawFn) -> ModelDate:
    year, month, calendar = draw(years), draw(st.integers(1, 12)), draw(calendars)
    day = draw(st.integers(1, month_days(year, month, calendar)))
    second = draw(st.one_of(st.just(0), st.integers(0, _DAY - 1)))
    return ModelDate(year, month, day, second, calendar)


def gregorian(moment: datetime) -> ModelDate:
    second = moment.hour * 3600 + moment.minute * 60 + moment.second
    return ModelDate(moment.year, moment.month, moment.day, second, "GREGORIAN")


moments = st.datetimes().map(lambda moment: moment.replace(microsecond=0))


@given(moments, moments)
def test_gregorian_seconds_are_those_of_datetime(one: datetime, other: datetime) -> None:
    seconds = int((other - one).total_seconds())
    assert gregorian(one).plus_seconds(seconds) == gregorian(other)


@given(moments)
def test_the_text_of_a_date_is_that_of_datetime(moment: datetime) -> None:
    midnight = moment.time() == datetime.min.time()
    expected = moment.date().isoformat() if midnight else moment.isoformat()
    assert gregorian(moment).text == expected


@given(st.dates())
def test_gregorian_months_are_as_long_as_in_datetime(day: date) -> None:
    following = day.replace(day=28) + timedelta(days=4) if day.year < 9999 else None
    last = following - timedelta(days=following.day) if following else day
    assert following is None or month_days(day.year, day.month, "GREGORIAN") == last.day


@given(model_dates(), st.integers(0, 10**10))
def test_seconds_forth_and_back_lead_to_the_same_date(start: ModelDate, seconds: int) -> None:
    assert start.plus_seconds(seconds).plus_seconds(-seconds) == start


@given(model_dates(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_days_add_up(start: ModelDate, one: int, other: int) -> None:
    assert start.plus_seconds(one * _DAY).plus_seconds(other * _DAY) == start.plus_seconds(
        (one + other) * _DAY
    )


@given(model_dates(), st.integers(1, 10**12))
def test_a_later_date_has_a_larger_sort_key(start: ModelDate, seconds: int) -> None:
    assert start.to_stored().sort_key < start.plus_seconds(seconds).to_stored().sort_key


@given(model_dates(), st.integers(0, 10_000))
def test_a_year_without_leap_days_has_365_days(start: ModelDate, count: int) -> None:
    noleap = ModelDate(start.year, start.month, min(start.day, 28), start.second, "NO_LEAP")
    assert noleap.plus_seconds(365 * count * _DAY) == noleap.plus_months(12 * count)


@given(st.integers(0, 20_000))
def test_400_gregorian_years_have_146097_days(year: int) -> None:
    start = ModelDate(year, 1, 1, 0, "GREGORIAN")
    assert start.plus_seconds(146_097 * _DAY) == start.plus_months(4800)


@given(model_dates(), st.integers(0, 5000))
def test_months_keep_the_day_where_the_month_has_it(start: ModelDate, months: int) -> None:
    later = start.plus_months(months)
    assert (later.year * 12 + later.month) - (start.year * 12 + start.month) == months
    assert later.day == min(start.day, month_days(later.year, later.month, start.calendar))


@given(model_dates())
def test_the_integer_of_a_date_is_read_again(start: ModelDate) -> None:
    ymd, second = divmod(start.to_stored().sort_key, 100_000)
    assert parse_ymd(ymd, start.calendar, second) == start


@given(model_dates())
def test_the_text_of_a_date_is_read_again(start: ModelDate) -> None:
    assert parse_model_date(start.text[: -9 if start.second else None], start.calendar) == (
        ModelDate(start.year, start.month, start.day, 0, start.calendar)
    )


@given(model_dates())
def test_a_stored_date_is_read_again(start: ModelDate) -> None:
    stored = start.to_stored()
    assert parse_iso_date(stored.date, stored.calendar) == start


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        pytest.param(0, True, id="year 0"),
        pytest.param(4, True, id="a fourth year"),
        pytest.param(100, False, id="a century"),
        pytest.param(2000, True, id="a fourth century"),
        pytest.param(1600, True, id="another fourth century"),
        pytest.param(2500, False, id="a fifth century"),
        pytest.param(10_004, True, id="beyond 9999"),
    ],
)
def test_leap_years_are_proleptic(year: int, expected: bool) -> None:
    assert is_leap(year, "GREGORIAN") is expected
    assert not is_leap(year, "NO_LEAP")


@pytest.mark.parametrize(
    ("text", "calendar", "days", "expected"),
    [
        pytest.param("0000-12-31", "NO_LEAP", 1, "0001-01-01", id="out of year 0"),
        pytest.param("0000-02-28", "GREGORIAN", 1, "0000-02-29", id="leap day of year 0"),
        pytest.param("0000-02-28", "NO_LEAP", 1, "0000-03-01", id="no leap day in year 0"),
        pytest.param("0001-01-01", "GREGORIAN", -366, "0000-01-01", id="back into year 0"),
        pytest.param("9999-12-31", "NO_LEAP", 1, "10000-01-01", id="beyond 9999"),
        pytest.param("9999-12-31", "GREGORIAN", 1, "10000-01-01", id="beyond 9999 with leap days"),
        pytest.param("2001-02-28", "GREGORIAN", 1, "2001-03-01", id="common year"),
        pytest.param("0096-12-30", "GREGORIAN", 1, "0096-12-31", id="last day of a leap year"),
    ],
)
def test_days_cross_the_borders_of_years(
    text: str, calendar: Calendar, days: int, expected: str
) -> None:
    assert parse_model_date(text, calendar).plus_seconds(days * _DAY).text == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("1850-01", id="no day"),
        pytest.param("1850-13-01", id="month 13"),
        pytest.param("1850-00-01", id="month 0"),
        pytest.param("1850-04-31", id="31 April"),
        pytest.param("1850-04-00", id="day 0"),
        pytest.param("0004-02-29", id="leap day in noleap"),
        pytest.param("-1850-01-01", id="before year 0"),
        pytest.param("$STARTDATE", id="reference"),
        pytest.param("1850-01-01T00", id="more behind it"),
        pytest.param("\u0661850-01-01", id="digits of another script"),
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a date|out of range"):
        parse_model_date(text, "NO_LEAP")


def test_an_integer_before_year_0_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        parse_ymd(-999, "NO_LEAP")


@pytest.mark.parametrize("second", [-1, _DAY])
def test_a_second_outside_of_the_day_is_refused(second: int) -> None:
    with pytest.raises(ValueError, match="second"):
        parse_ymd(18500101, "NO_LEAP", second)


def test_a_date_before_year_0_is_refused() -> None:
    with pytest.raises(ValueError, match="before year 0"):
        parse_ymd(101, "NO_LEAP").plus_seconds(-_DAY)


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("digits", [13, 30, 400, 5000])
def test_a_date_too_far_away_is_refused_at_once(calendar: Calendar, digits: int) -> None:
    with pytest.raises(ValueError, match=r"out of range|limit"):
        parse_ymd(18500101, calendar).plus_seconds(10**digits * _DAY)


def test_a_stored_date_tells_its_calendar() -> None:
    stored = parse_ymd(10101, "GREGORIAN", 3661).to_stored()
    assert stored.stored() == {
        "date": "0001-01-01T01:01:01",
        "calendar": "GREGORIAN",
        "sortKey": 10101_03661,
    }


@pytest.mark.parametrize(
    ("start", "option", "count", "until", "expected"),
    [
        pytest.param("1850-01-01", "nyears", 5, None, "1855-01-01", id="years"),
        pytest.param("1850-01-01", "nyear", 1, None, "1851-01-01", id="singular"),
        pytest.param("1850-01-31", "nmonths", 1, None, "1850-02-28", id="months"),
        pytest.param("1850-01-01", "ndays", 365, None, "1851-01-01", id="days"),
        pytest.param("1850-01-01", "nhours", 30, None, "1850-01-02T06:00:00", id="hours"),
        pytest.param("1850-01-01", "nminutes", 90, None, "1850-01-01T01:30:00", id="minutes"),
        pytest.param("1850-01-01", "nseconds", 1, None, "1850-01-01T00:00:01", id="seconds"),
        pytest.param("1850-01-01", " NDAYS ", 1, None, "1850-01-02", id="blanks and capitals"),
        pytest.param("1850-01-01", "date", -1, 18600302, "1860-03-02", id="date"),
        pytest.param("1850-01-01", "date", -1, -999, None, id="date that is not set"),
        pytest.param("1850-01-01", "date", -1, None, None, id="date that is not there"),
        pytest.param("1850-01-01", "monthly", 1, None, "1850-02-01", id="monthly"),
        pytest.param("1850-01-20", "monthly", 1, None, "1850-02-01", id="from within a month"),
        pytest.param("1850-01-10", "ifdays0", 15, None, "1850-01-15", id="day of this month"),
        pytest.param("1850-01-15", "ifdays0", 15, None, "1850-02-15", id="day of next month"),
        pytest.param("1850-12-31", "yearly", 1, None, "1851-01-01", id="yearly"),
        pytest.param("1850-01-01", "nsteps", 5, None, None, id="steps"),
        pytest.param("1850-01-01", "never", 5, None, None, id="never"),
        pytest.param("1850-01-01", "end", 5, None, None, id="end"),
        pytest.param("1850-01-01", "", 5, None, None, id="empty"),
        pytest.param("0000-01-01", "nyears", 1, None, "0001-01-01", id="from year 0"),
    ],
)
def test_a_run_stops_where_its_option_says(
    start: str, option: str, count: int, until: int | None, expected: str | None
) -> None:
    stop = stop_date(parse_model_date(start, "NO_LEAP"), option, count, until)
    assert (stop and stop.text) == expected


@pytest.mark.parametrize("option", ["monthly", "ifdays0", "yearly"])
def test_a_run_to_a_day_stops_at_its_beginning(option: str) -> None:
    stop = stop_date(parse_ymd(18500101, "NO_LEAP", 3600), option, 15, None)
    assert stop is not None
    assert stop.second == 0
