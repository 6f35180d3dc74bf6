"""The layout of performance archives: what the path of an execution directory says of its case.

The model writes the staging layout, and sites move it, day by day, to snapshots in OLD_PERF:

    [<machine>/]performance_archive/<user>/<case>/<LID>/
    [<machine>/][OLD_PERF/]YYYY-MM/performance_archive_<ts>/[<STATE>/]<user>/<case>/<LID>/

STATE is the scheduler's word for how the job ended. A path may begin anywhere in either layout: an
import may be started for one case, or for a tar of one execution.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.cases.identity import named_machines, spell_machine
from models.cases.lid import Lid
from models.cases.scheduler import SCHEDULER_STATES

_ARCHIVE = re.compile(r"performance_archive(?:_.*)?", re.DOTALL)
_ABOVE_SNAPSHOTS = re.compile(r"OLD_PERF|[0-9]{4}-[0-9]{2}")
_STATE = re.compile(r"(?P<name>[A-Z][A-Z_]{2,40})(?P<cut>\+?)(?: .*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Location:
    """What the path of an execution directory says.

    `is_anchored` means that the path goes through a `performance_archive`, so that the positions of
    user and case are certain; otherwise these are only the names of the directories above.
    `machine` is None when the directory above is not named like one of E3SM's machines: archives
    often are in directories such as `/lcrc/group/e3sm/performance_archive`. `state` is the
    scheduler's: a key of SCHEDULER_STATES or another of its words.
    """

    lid: Lid
    user: str | None
    case: str | None
    machine: str | None
    is_anchored: bool
    state: str | None = None


def locate(parts: Sequence[str], lid: Lid) -> Location:
    """Interpret the path of an execution directory: its parts from the top, without the LID."""
    anchor = max((i for i, part in enumerate(parts) if _ARCHIVE.fullmatch(part)), default=None)
    below = list(parts[anchor + 1 :]) if anchor is not None else []
    state = _state_of(below[0]) if len(below) == 3 else None
    if state is not None:
        below.pop(0)
    if anchor is None or len(below) != 2:
        case = parts[-1] if parts else None
        user = parts[-2] if len(parts) > 1 else None
        bucket = _state_of(parts[-3]) if len(parts) > 2 else None
        known_state = bucket if bucket in SCHEDULER_STATES else None
        return Location(lid, user, case, None, is_anchored=False, state=known_state)
    above = anchor - 1
    while above >= 0 and _ABOVE_SNAPSHOTS.fullmatch(parts[above]):
        above -= 1
    name = spell_machine(parts[above]) if above >= 0 else ""
    machine = name if name in named_machines() else None
    return Location(lid, below[0], below[1], machine, is_anchored=True, state=state)


def _state_of(part: str) -> str | None:
    """Return the scheduler's state that a directory is named by; None for any other directory.

    sacct may add words, as in `CANCELLED by 1234`, and cut long ones, as in `OUT_OF_ME+`.
    """
    match = _STATE.fullmatch(part)
    if match is None:
        return None
    name = match["name"]
    if match["cut"]:
        return next((state for state in SCHEDULER_STATES if state.startswith(name)), name)
    return name
