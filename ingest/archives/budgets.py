"""How much a source may hold, so that no archive, broken or hostile, takes all memory or time."""

from dataclasses import dataclass

from models.settings import Settings

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Budgets:
    """The largest amounts that are read; sizes are in bytes.

    The budgets of an archive end it where they are exceeded; what was found before that counts.
    Those of an execution cost the execution only.
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
    """Return the budgets that are set."""
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
