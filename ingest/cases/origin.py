"""Where an execution was found, and by which import."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an execution was found, and by which import.

    `files_modified` is the latest time at which one of its files was modified, in seconds since the
    epoch.
    """

    path: str
    fingerprint: str
    ingestion_id: str
    file_count: int = 0
    files_modified: int = 0
