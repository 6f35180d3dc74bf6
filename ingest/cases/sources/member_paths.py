"""Names of archive members, split into the execution directory and the path in it.

Names are kept unchanged. A backslash or a drive letter is a part of a name like any other. No file
is ever opened or written by such a name.
"""

import os
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from models.cases.lid import parse_lid

_MAX_PART_BYTES = 255
_MAX_NAME = 4096
_UNSAFE = "unsafe_name"


@dataclass(frozen=True, slots=True)
class MemberPath:
    """A file of an execution: the execution directory, and the path of the file in it."""

    directory: str
    path: str


@dataclass(frozen=True, slots=True)
class _Folder:
    """The directories above a file, split at the LID.

        compy/performance_archive/jdoe/case/1000.250102-030405/CaseDocs/env_run.xml
        '------------------ directory ------------------------' 'prefix'

    `is_listed` means that its files belong to the execution; `refusal` is why they are left out.
    """

    directory: str = ""
    prefix: str = ""
    is_listed: bool = False
    refusal: str | None = None


class MemberPaths:
    """Splits names, and counts those that it refuses.

    `refusals` has the number of refused names by reason, `first_refused` the first of them.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._last = ""
        self._folder = _Folder()
        self.refusals: Counter[str] = Counter()
        self.first_refused: dict[str, str] = {}

    def split(self, name: str) -> MemberPath | None:
        """Split a name at its topmost execution directory.

        Return None when it has none, when it is refused, and when the file lies too deep: as in a
        tree, only files of the execution directory itself and of the directories in it are listed.
        """
        parent, _, file_name = name.rpartition("/")
        if parent != self._last:  # nearly always it is the directory of the member before
            self._last, self._folder = parent, self._split_parent(parent, name)
        folder = self._folder
        reason = folder.refusal or (_refusal(file_name) if folder.directory else None)
        if reason:
            self.refusals[reason] += 1
            self.first_refused.setdefault(reason, name[:200])
            return None
        if not folder.is_listed or file_name in {"", "."}:
            return None
        return MemberPath(folder.directory, folder.prefix + file_name)

    def _split_parent(self, parent: str, name: str) -> _Folder:
        if len(parent) > _MAX_NAME:
            return _Folder(refusal="long_name")
        parts = [part for part in parent.split("/") if part not in {"", "."}]
        lid_index = next((i for i, part in enumerate(parts) if _is_lid(part)), None)
        if lid_index is None:
            return _Folder()
        reasons = [_UNSAFE] if name.startswith("/") else [r for r in map(_refusal, parts) if r]
        if not reasons and len(parts) > self._depth:
            reasons = ["too_deep"]
        below = parts[lid_index + 1 :]
        return _Folder(
            directory="/".join(parts[: lid_index + 1]),
            prefix=f"{below[0]}/" if below else "",
            is_listed=len(below) < 2,
            refusal=reasons[0] if reasons else None,
        )


@lru_cache(maxsize=64)
def _is_lid(part: str) -> bool:
    return parse_lid(part) is not None


def _refusal(part: str) -> str | None:
    """Return the reason to refuse a name with this part, or None."""
    if part == ".." or "\0" in part:
        return _UNSAFE
    # A character takes at most four bytes in UTF-8: short parts need not be encoded.
    if len(part) > _MAX_PART_BYTES // 4 and len(os.fsencode(part)) > _MAX_PART_BYTES:
        return "long_name"
    return None
