"""Where the name of a member places it: in which execution directory, by which path.

Names are kept as they are in the archive. A backslash and a drive letter are parts of a name like
any others. Nothing is ever opened or written by such a name.
"""

import os
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from models.cases.lid import parse_lid

_LONGEST_PART = 255
_LONGEST_NAME = 4096
_UNSAFE = "unsafe_name"


@dataclass(frozen=True, slots=True)
class Place:
    """A file of an execution: the directory of that, and the path below it."""

    directory: str
    path: str


@dataclass(frozen=True, slots=True)
class _Folder:
    """What the directories above a file say: where the execution is, or why it is passed over."""

    directory: str = ""
    below: str = ""
    is_listed: bool = False
    refused: str | None = None


class MemberPaths:
    """Places names, and counts those that are passed over by the reason for that."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._last = ""
        self._folder = _Folder()
        self.refused: Counter[str] = Counter()
        self.first_refused: dict[str, str] = {}

    def place(self, name: str) -> Place | None:
        """Place a file below the topmost execution directory in its name, if there is one.

        As in a tree, only the files of the directory itself and of those in it are listed.
        """
        above, _, own = name.rpartition("/")
        if above != self._last:
            self._last, self._folder = above, self._read(above, name)
        folder = self._folder
        reason = folder.refused or (_refusal(own) if folder.directory else None)
        if reason:
            self.refused[reason] += 1
            self.first_refused.setdefault(reason, name[:200])
            return None
        if not folder.is_listed or own in {"", "."}:
            return None
        return Place(folder.directory, folder.below + own)

    def _read(self, above: str, name: str) -> _Folder:
        if len(above) > _LONGEST_NAME:
            return _Folder(refused="long_name")
        parts = [part for part in above.split("/") if part not in {"", "."}]
        at = next((i for i, part in enumerate(parts) if _is_lid(part)), None)
        if at is None:
            return _Folder()
        reasons = [_UNSAFE] if name.startswith("/") else [r for r in map(_refusal, parts) if r]
        if not reasons and len(parts) > self._depth:
            reasons = ["too_deep"]
        below = parts[at + 1 :]
        return _Folder(
            directory="/".join(parts[: at + 1]),
            below=f"{below[0]}/" if below else "",
            is_listed=len(below) < 2,
            refused=reasons[0] if reasons else None,
        )


@lru_cache(maxsize=64)
def _is_lid(part: str) -> bool:
    return parse_lid(part) is not None


def _refusal(part: str) -> str | None:
    """Return why a part of a name is not taken, or None."""
    if part == ".." or "\0" in part:
        return _UNSAFE
    if len(part) > _LONGEST_PART // 4 and len(os.fsencode(part)) > _LONGEST_PART:
        return "long_name"
    return None
