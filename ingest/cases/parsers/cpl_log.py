"""cpl.log: the clock that the coupler prints when a run begins.

With CONTINUE_RUN the variables of the case still tell its original start, so the simulated
interval of a segment stands only here. Source: `seq_timemgr_clockPrint` of the driver.
"""

import re
from dataclasses import dataclass

_CLOCK = re.compile(
    rb"\(seq_timemgr_clockPrint\)\s+(Curr|Stop) Time\s*=\s*([0-9]{1,12})\s+([0-9]{1,5})"
)


@dataclass(frozen=True, slots=True)
class Clock:
    """The simulated interval, as CIME's integers `yyyymmdd` and second of the day."""

    start: tuple[int, int]
    stop: tuple[int, int] | None


def parse_cpl_log(head: bytes) -> Clock | None:
    """Return the first clock that the log prints, which is the driver's, or None."""
    times: dict[bytes, tuple[int, int]] = {}
    for found in _CLOCK.finditer(head):
        which, ymd, second = found.groups()
        if which in times:
            break
        times[which] = (int(ymd), int(second))
    return Clock(times[b"Curr"], times.get(b"Stop")) if b"Curr" in times else None
