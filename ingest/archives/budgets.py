"""Limits on what an import reads, so that no broken or hostile archive takes all memory or time."""

from collections.abc import Callable
from dataclasses import dataclass

from ingest.archives.reader import exceeded
from models.settings import Settings

_MIB = 2**20
_SMALL_MEMBER = 100  # bytes in the archive file, on average; real archives have a thousand
_EXTENDED_HEADERS = 3  # that a member may need


def any_name(_name: str) -> bool:
    """Return True: any member may be wanted, whatever its name."""
    return True


@dataclass(frozen=True, slots=True)
class Budgets:
    """The largest amounts that are read; sizes are in bytes.

    When an archive limit is exceeded, reading stops and what was found is imported. When an
    execution limit is exceeded, only that execution is skipped. `ratio` is the size of the expanded
    archive divided by the size of its file. `useless_members` bounds the members that cost time and
    hold nothing, as `MemberBudget` counts them; `may_belong` says by the name of a member whether
    anything may want it.
    """

    archive_bytes: int = 2048 * _MIB
    expanded_bytes: int = 8192 * _MIB
    ratio: int = 200
    members: int = 2_000_000
    useless_members: int = 100_000
    header_bytes: int = _MIB
    depth: int = 16
    execution_files: int = 10_000
    execution_bytes: int = 128 * _MIB
    may_belong: Callable[[str], bool] = any_name


def budgets_of(settings: Settings) -> Budgets:
    """Return the budgets that the settings contain."""
    return Budgets(
        archive_bytes=settings.max_archive_mib * _MIB,
        expanded_bytes=settings.max_expanded_mib * _MIB,
        ratio=settings.max_expansion_ratio,
        members=settings.max_members,
        useless_members=settings.max_useless_members,
        header_bytes=settings.max_header_kib * 2**10,
        depth=settings.max_depth,
        execution_files=settings.max_execution_files,
        execution_bytes=settings.max_execution_mib * _MIB,
    )


class MemberBudget:
    """Counts the members of one pass through an archive, and those among them that are useless.

    A member without content is useless: an empty file, a directory, a link. Where the members take
    fewer than a hundred bytes of the archive file on average, so is one that nothing may want.
    Real archives have some of both; refused is one that has very many, and nearly nothing else.
    """

    def __init__(self, budgets: Budgets) -> None:
        self._limit = budgets.members
        self._useless_limit = budgets.useless_members
        self._may_belong = budgets.may_belong
        self._count = self._useless = self._headers = 0

    def add_header(self) -> None:
        """Count a header: that of a member, or an extended one before it."""
        self._count += 1
        self._headers += 1
        if self._count > self._limit:
            exceeded(f"it has more than {self._limit} members", "MAX_MEMBERS")

    def add_member(self, name: str, size: int, packed_bytes: int) -> None:
        """Judge the member whose headers have been counted.

        `packed_bytes` is how much of the archive file has been read.
        """
        headers, self._headers = self._headers, 0
        is_small = packed_bytes < _SMALL_MEMBER * self._count
        if not size or (is_small and not self._may_belong(name)):
            self._useless += headers
        elif headers > _EXTENDED_HEADERS:
            self._useless += headers - _EXTENDED_HEADERS
        if self._useless > self._useless_limit and 4 * self._useless > 3 * self._count:
            detail = f"more than {self._useless_limit} members are empty or belong to nothing"
            exceeded(f"{detail}, and few others are in it", "MAX_USELESS_MEMBERS")
