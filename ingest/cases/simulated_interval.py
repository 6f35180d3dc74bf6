"""The interval of simulated time that an execution covers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.cases.parsers.cpl_log import Clock
from models.cases.simulated_date import (
    CALENDARS,
    Calendar,
    ModelDate,
    SimulatedDate,
    parse_model_date,
    parse_ymd,
    stop_date,
)


@dataclass(frozen=True, slots=True)
class SimulatedInterval:
    """Start and end, None where they are unknown, and the file that they come from."""

    start: SimulatedDate | None
    end: SimulatedDate | None
    source: str | None


_UNKNOWN = SimulatedInterval(None, None, None)


def simulated_interval(variables: Mapping[str, Any], clock: Clock | None) -> SimulatedInterval:
    """Return the interval by the coupler's clock, or else by the variables of env_run.

    With CONTINUE_RUN the variables hold the start of the case, not of this execution. So without
    the clock the interval of a continuation is unknown.
    """
    calendar = case_calendar(variables)
    if clock is not None:
        start = _from_clock(clock.start, calendar)
        if start is not None:
            end = _clock_stop(clock, start, variables)
            return SimulatedInterval(start.to_stored(), _stored(end), clock.log)
    if str(variables.get("env_run.CONTINUE_RUN")).strip().upper() == "TRUE":
        return _UNKNOWN
    try:
        start = _configured_start(variables, calendar)
        end = _configured_stop(start, variables) if start else None
    except ValueError:
        return _UNKNOWN
    if start is None:
        return _UNKNOWN
    return SimulatedInterval(start.to_stored(), _stored(end), "env_run.xml")


def _clock_stop(clock: Clock, start: ModelDate, variables: Mapping[str, Any]) -> ModelDate | None:
    if clock.stops_as_configured:
        return _configured_stop(start, variables)
    return _from_clock(clock.stop, start.calendar) if clock.stop else None


def case_calendar(variables: Mapping[str, Any]) -> Calendar:
    """Return the calendar of a case; CIME's default is NO_LEAP."""
    name = variables.get("env_build.CALENDAR") or variables.get("env_run.CALENDAR")
    return next((calendar for calendar in CALENDARS if calendar == name), "NO_LEAP")


def _from_clock(time: tuple[int, int], calendar: Calendar) -> ModelDate | None:
    try:
        return parse_ymd(time[0], calendar, time[1])
    except ValueError:
        return None


def _configured_start(variables: Mapping[str, Any], calendar: Calendar) -> ModelDate | None:
    """Return RUN_STARTDATE; for a branch run, which ignores that, RUN_REFDATE."""
    is_branch = variables.get("env_run.RUN_TYPE") == "branch"
    date = variables.get("env_run.RUN_REFDATE" if is_branch else "env_run.RUN_STARTDATE")
    second = variables.get("env_run.RUN_REFTOD" if is_branch else "env_run.START_TOD")
    if not isinstance(date, str) or not date:
        return None
    return parse_model_date(date, calendar, _integer(second, 0))


def _configured_stop(start: ModelDate, variables: Mapping[str, Any]) -> ModelDate | None:
    option = variables.get("env_run.STOP_OPTION")
    count = _integer(variables.get("env_run.STOP_N"), -1)
    until = _integer(variables.get("env_run.STOP_DATE"), -1)
    if not isinstance(option, str):
        return None
    if count < 0 and option.strip().lower().rstrip("s") != "date":
        return None
    try:
        return stop_date(start, option, count, until)
    except ValueError:
        return None


def _integer(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def _stored(date: ModelDate | None) -> SimulatedDate | None:
    return None if date is None else date.to_stored()
