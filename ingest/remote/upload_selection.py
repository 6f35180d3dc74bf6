"""The server's side of sending: which directories of a client would add something."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.cases.layout import locate
from ingest.cases.recorded import find_recorded
from ingest.cases.sources.base import ExecutionDirectory, FilesSummary
from models.cases.lid import parse_lid
from models.database.client import Database


@dataclass(frozen=True, slots=True)
class RemoteDirectory:
    """An execution directory on a client: its path there, and a summary of its files.

    `fingerprint` and `modified` are computed as by `ingest.cases.sources.base.summarize`.
    """

    path: str
    fingerprint: str
    file_count: int
    modified: int


async def select_for_upload(
    database: Database, upload_name: str, directories: Sequence[RemoteDirectory]
) -> list[int]:
    """Return the positions of those directories that are worth uploading under this name.

    What is no execution directory by its name is not.
    """
    located = [_locate(f"upload:{upload_name}!{each.path}", each) for each in directories]
    recorded = await find_recorded(
        database, [directory for directory in located if directory is not None]
    )
    return [
        position
        for position, directory in enumerate(located)
        if directory is not None and not recorded.is_unchanged(directory)
    ]


def _locate(path: str, remote: RemoteDirectory) -> ExecutionDirectory | None:
    *parts, name = remote.path.split("/")
    lid = parse_lid(name)
    if lid is None:
        return None
    summary = FilesSummary(remote.fingerprint, remote.file_count, remote.modified)
    return ExecutionDirectory(path, locate(parts, lid), (), summary)
