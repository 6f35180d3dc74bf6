"""LIDs: the names that CIME gives to job submissions, and their order."""

import re
from dataclasses import dataclass
from datetime import datetime

_LID = re.compile(
    r"(?:(?P<job_id>(?P<number>[0-9]{1,18})(?:\[[0-9]{0,9}\])?(?:\.[A-Za-z0-9_\[\]-]+){0,8})\.)?"
    r"(?P<stamp>[0-9]{6}-[0-9]{6})"
)
_PAIR = re.compile("[0-9]{2}")


@dataclass(frozen=True, slots=True, order=True)
class Lid:
    """A LID, `[<jobid>.]yymmdd-hhmmss`; ordered by time stamp, then numeric job id, then text.

    The time stamp is the local wall time of the machine at which the job began. With PBS, the job
    id includes the host (`9849714.desched1`) and the index in a job array (`1234[7].desched1`). A
    run without a batch system has no job id at all; its `job_number` is -1. Source of the format:
    `new_lid` in CIME/utils.py.
    """

    local_time: str
    job_number: int
    text: str
    job_id: str | None

    @property
    def order_key(self) -> str:
        """Text that sorts like LIDs: `2025-01-07T19:34:15/000000000000729351/<LID>`."""
        number = f"{self.job_number:018}" if self.job_id else ""
        return f"{self.local_time}/{number}/{self.text}"


def parse_lid(text: str) -> Lid | None:
    """Return the LID that `text` is, or None when it is not a LID."""
    match = _LID.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, _PAIR.findall(match["stamp"]))
    try:
        stamp = datetime(2000 + year, month, day, hour, minute, second)
    except ValueError:
        return None
    number = match["number"]
    return Lid(
        local_time=stamp.isoformat(),
        job_number=int(number) if number else -1,
        text=text,
        job_id=match["job_id"],
    )
