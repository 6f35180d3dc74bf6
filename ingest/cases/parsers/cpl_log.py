"""cpl.log: the clock that the coupler prints when a run begins.

With CONTINUE_RUN the variables of the case still hold its original start, so only this log has the
simulated interval of a segment. Source of the format: `seq_timemgr_clockPrint` of the driver. The
NUOPC driver has drv.log, or med.log, instead; `esm_time_clockInit` of CMEPS prints there when the
clock begins, but not when it stops.
"""

import re
from dataclasses import dataclass

_CLOCK = re.compile(
    rb"\(seq_timemgr_clockPrint\)\s+(Curr|Stop) Time\s*=\s*([0-9]{1,12})\s+([0-9]{1,5})"
)
_DRIVER_CLOCK = re.compile(
    rb": driver curr_(?P<what>ymd|tod):[ ]*(?P<number>[0-9]{1,12})(?=[\r\n])"
)


@dataclass(frozen=True, slots=True)
class Clock:
    """The simulated interval; each end is CIME's integer `yyyymmdd` and the second of the day.

    `stops_as_configured` means that the log, whose name without LID is `log`, never says when the
    run stops.
    """

    start: tuple[int, int]
    stop: tuple[int, int] | None
    stops_as_configured: bool = False
    log: str = "cpl.log"


def parse_cpl_log(head: bytes) -> Clock | None:
    """Return the first clock in the log, which is the driver's; None without a current time."""
    times: dict[bytes, tuple[int, int]] = {}
    for match in _CLOCK.finditer(head):
        which, ymd, second = match.groups()
        if which in times:
            break
        times[which] = (int(ymd), int(second))
    return Clock(times[b"Curr"], times.get(b"Stop")) if b"Curr" in times else _driver_clock(head)


def _driver_clock(head: bytes) -> Clock | None:
    """Return the clock that the NUOPC driver prints."""
    found: dict[bytes, int] = {}
    for match in _DRIVER_CLOCK.finditer(head):
        found.setdefault(match["what"], int(match["number"]))
        if len(found) == 2:
            return Clock((found[b"ymd"], found[b"tod"]), None, stops_as_configured=True)
    return None
