"""Dates of the simulated calendar.

They are not datetimes: years begin with 0 and may exceed 9999, and NO_LEAP has no leap years.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from models.base import Stored

Calendar = Literal["NO_LEAP", "GREGORIAN"]
CALENDARS: tuple[Calendar, ...] = get_args(Calendar)

_DATE = re.compile(r"([0-9]{1,9})-([0-9]{1,2})-([0-9]{1,2})")
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SECONDS_A_DAY = 86400
_MAX_YEAR = 999_999_999


class SimulatedDate(Stored):
    """A date of the simulated calendar as it is stored.

    `date` is ISO text (`0001-01-01`, with `T06:00:00` when it is not midnight; years have at least
    four digits). `sortKey` orders dates of any year: CIME's `yyyymmdd` times 100,000 plus the
    second of the day.
    """

    date: str
    calendar: Calendar
    sort_key: int


@dataclass(frozen=True, slots=True)
class ModelDate:
    """A day and second of a simulated calendar, to calculate with."""

    year: int
    month: int
    day: int
    second: int = 0
    calendar: Calendar = "NO_LEAP"

    def __post_init__(self) -> None:
        if not 0 <= self.year <= _MAX_YEAR:
            raise ValueError(f"year {self.year} is out of range")
        if not 1 <= self.month <= 12:
            raise ValueError(f"month {self.month} is out of range")
        if not 1 <= self.day <= month_days(self.year, self.month, self.calendar):
            raise ValueError(f"day {self.day} is out of range in {self.year:04}-{self.month:02}")
        if not 0 <= self.second < _SECONDS_A_DAY:
            raise ValueError(f"second {self.second} is out of range")

    @property
    def text(self) -> str:
        """The date as ISO text, with the time of day when it is not midnight."""
        day = f"{self.year:04}-{self.month:02}-{self.day:02}"
        if not self.second:
            return day
        minutes, second = divmod(self.second, 60)
        return f"{day}T{minutes // 60:02}:{minutes % 60:02}:{second:02}"

    def to_stored(self) -> SimulatedDate:
        """Return the form that is stored."""
        ymd = self.year * 10_000 + self.month * 100 + self.day
        return SimulatedDate(
            date=self.text, calendar=self.calendar, sort_key=ymd * 100_000 + self.second
        )

    def plus_seconds(self, seconds: int) -> "ModelDate":
        """Return the date `seconds` later."""
        days, second = divmod(self.second + seconds, _SECONDS_A_DAY)
        return _from_ordinal(self._ordinal() + days, second, self.calendar)

    def plus_months(self, months: int) -> "ModelDate":
        """Return the same day `months` later, or the last day of that month if it is shorter."""
        year, month0 = divmod(self.year * 12 + self.month - 1 + months, 12)
        last = month_days(year, month0 + 1, self.calendar)
        return ModelDate(year, month0 + 1, min(self.day, last), self.second, self.calendar)

    def _ordinal(self) -> int:
        before = sum(month_days(self.year, m, self.calendar) for m in range(1, self.month))
        return _days_before_year(self.year, self.calendar) + before + self.day - 1


def parse_model_date(text: str, calendar: Calendar, second: int = 0) -> ModelDate:
    """Return the date that `yyyy-mm-dd` says, with a year of up to 9 digits.

    Raise ValueError when it is not a date of the calendar.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a date")
    year, month, day = (int(part) for part in match.groups())
    return ModelDate(year, month, day, second, calendar)


def parse_iso_date(text: str, calendar: Calendar) -> ModelDate:
    """Return the date of a stored text, the inverse of `ModelDate.text`; ValueError if invalid."""
    day, _, time = text.partition("T")
    hours, minutes, seconds = (int(part) for part in (time or "0:0:0").split(":"))
    return parse_model_date(day, calendar, hours * 3600 + minutes * 60 + seconds)


def parse_ymd(ymd: int, calendar: Calendar, second: int = 0) -> ModelDate:
    """Return the date of CIME's integer `yyyymmdd`; ValueError when it is not in the calendar."""
    return ModelDate(ymd // 10_000, ymd // 100 % 100, ymd % 100, second, calendar)


def is_leap(year: int, calendar: Calendar) -> bool:
    """Return whether the year has a 29 February; the Gregorian calendar is proleptic."""
    return calendar == "GREGORIAN" and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_days(year: int, month: int, calendar: Calendar) -> int:
    """Return the number of days of a month, 1 to 12."""
    return _MONTH_DAYS[month - 1] + (month == 2 and is_leap(year, calendar))


def _days_before_year(year: int, calendar: Calendar) -> int:
    if calendar == "NO_LEAP":
        return year * 365
    last = year - 1
    return year * 365 + last // 4 - last // 100 + last // 400 + 1


def _from_ordinal(ordinal: int, second: int, calendar: Calendar) -> ModelDate:
    if ordinal < 0:
        raise ValueError("the date is before year 0")
    year = ordinal // 365 if calendar == "NO_LEAP" else ordinal * 400 // 146_097
    while _days_before_year(year, calendar) > ordinal:
        year -= 1
    while _days_before_year(year + 1, calendar) <= ordinal:
        year += 1
    day = ordinal - _days_before_year(year, calendar)
    month = 1
    while day >= month_days(year, month, calendar):
        day -= month_days(year, month, calendar)
        month += 1
    return ModelDate(year, month, day + 1, second, calendar)


_SECONDS_A_UNIT: dict[str, int] = {
    "nsecond": 1,
    "nminute": 60,
    "nhour": 3600,
    "nday": 86400,
}
_MONTHS_A_UNIT: dict[str, int] = {"nmonth": 1, "nyear": 12}


def stop_date(start: ModelDate, option: str, count: int, until: int | None) -> ModelDate | None:
    """Return the date on which a run that begins at `start` stops, or None.

    `option`, `count` and `until` are CIME's STOP_OPTION, STOP_N and STOP_DATE. None means that they
    do not determine the date, as with `never`, `end`, `nsteps` and unknown options. CIME accepts
    units in singular and plural. Source: `seq_timemgr_alarmInit` of the driver.
    """
    unit = option.strip().lower().rstrip("s")
    if unit in _SECONDS_A_UNIT:
        return start.plus_seconds(count * _SECONDS_A_UNIT[unit])
    if unit in _MONTHS_A_UNIT:
        return start.plus_months(count * _MONTHS_A_UNIT[unit])
    if unit == "date":
        return parse_ymd(until, start.calendar) if until and until > 0 else None
    if unit == "monthly":
        return _next_day_of_month(start, 1)
    if unit == "ifdays0":
        return _next_day_of_month(start, count)
    if unit == "yearly":
        return ModelDate(start.year + 1, 1, 1, 0, start.calendar)
    return None


def _next_day_of_month(start: ModelDate, day: int) -> ModelDate:
    this_month = ModelDate(start.year, start.month, day, 0, start.calendar)
    return this_month if day > start.day else this_month.plus_months(1)
