"""Limits on what an import reads, so that no broken or hostile archive takes all memory or time."""

from dataclasses import dataclass

from models.settings import Settings

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Budgets:
    """The largest amounts that are read; sizes are in bytes.

    When an archive limit is exceeded, reading stops and what was found is imported. When an
    execution limit is exceeded, only that execution is skipped. `ratio` is the size of the expanded
    archive divided by the size of its file.
    """

    archive_bytes: int = 2048 * _MIB
    expanded_bytes: int = 8192 * _MIB
    ratio: int = 200
    members: int = 2_000_000
    header_bytes: int = _MIB
    depth: int = 16
    execution_files: int = 10_000
    execution_bytes: int = 128 * _MIB


def budgets_of(settings: Settings) -> Budgets:
    """Return the budgets that the settings contain."""
    return Budgets(
        archive_bytes=settings.max_archive_mib * _MIB,
        expanded_bytes=settings.max_expanded_mib * _MIB,
        ratio=settings.max_expansion_ratio,
        members=settings.max_members,
        header_bytes=settings.max_header_kib * 2**10,
        depth=settings.max_depth,
        execution_files=settings.max_execution_files,
        execution_bytes=settings.max_execution_mib * _MIB,
    )
