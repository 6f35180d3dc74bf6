"""cpl.log: the clock that the coupler prints when a run begins.

With CONTINUE_RUN the variables of the case still hold its original start, so only this log has the
simulated interval of a segment. Source of the format: `seq_timemgr_clockPrint` of the driver.
"""

import re
from dataclasses import dataclass

_CLOCK = re.compile(
    rb"\(seq_timemgr_clockPrint\)\s+(Curr|Stop) Time\s*=\s*([0-9]{1,12})\s+([0-9]{1,5})"
)


@dataclass(frozen=True, slots=True)
class Clock:
    """The simulated interval; each end is CIME's integer `yyyymmdd` and the second of the day."""

    start: tuple[int, int]
    stop: tuple[int, int] | None


def parse_cpl_log(head: bytes) -> Clock | None:
    """Return the first clock in the log, which is the driver's; None without a current time."""
    times: dict[bytes, tuple[int, int]] = {}
    for match in _CLOCK.finditer(head):
        which, ymd, second = match.groups()
        if which in times:
            break
        times[which] = (int(ymd), int(second))
    return Clock(times[b"Curr"], times.get(b"Stop")) if b"Curr" in times else None
