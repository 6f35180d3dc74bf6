"""Where an execution directory lies in an archive, and what that says about its case.

The staging layout is `[<machine>/]performance_archive/<user>/<case>/<LID>/`. A path may begin
anywhere in it: an import may be pointed at one case, or be given a tar of one execution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.identity import machine_systems, spell_machine
from models.lid import Lid

_ARCHIVE = "performance_archive"


@dataclass(frozen=True, slots=True)
class Location:
    """What the path of an execution directory says.

    `is_anchored` means that the path goes through a `performance_archive`, so that user and case
    are told by their places; elsewhere they are only what the directories happen to be called.
    `machine_is_known` means that the machine's name is one of E3SM's machines.
    """

    lid: Lid
    user: str | None
    case: str | None
    machine: str | None
    is_anchored: bool
    machine_is_known: bool


def locate(parts: Sequence[str], lid: Lid, outside: int = 0) -> Location:
    """Read the path of an execution directory: its parts from the top down, without the LID.

    The first `outside` parts lie above what the user asked to import: a directory there is a
    machine only when it has the name of one, for archives often stand in directories like
    `/lcrc/group/e3sm/performance_archive`.
    """
    anchor = max((i for i, part in enumerate(parts) if part == _ARCHIVE), default=None)
    if anchor is None or len(parts) - anchor != 3:
        case = parts[-1] if parts else None
        user = parts[-2] if len(parts) > 1 else None
        return Location(lid, user, case, None, is_anchored=False, machine_is_known=False)
    above = spell_machine(parts[anchor - 1]) if anchor > 0 else None
    known = above in machine_systems()
    machine = above if known or anchor - 1 >= outside else None
    return Location(lid, parts[-2], parts[-1], machine, is_anchored=True, machine_is_known=known)
