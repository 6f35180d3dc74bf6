"""Screening: find the execution directories that have to be read, without opening a file."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from more_itertools import chunked

from ingest.cases.directory_cache import DirectoryCache
from ingest.cases.recorded import RecordedExecutions, find_recorded
from ingest.cases.sources.base import ExecutionDirectory, ExecutionPath, Source
from ingest.cases.sources.directory import is_unchanged_on_disk
from models.database.client import Database

_LOOKUP_SIZE = 256


@dataclass(slots=True)
class Screening:
    """A batch sorted into directories to read and unchanged ones.

    `settled` are the unchanged ones that had to be listed, and need not be listed again.
    """

    to_read: list[ExecutionDirectory] = field(default_factory=list)
    unchanged: int = 0
    settled: list[ExecutionDirectory] = field(default_factory=list)


async def screen(
    database: Database,
    directories: DirectoryCache,
    source: Source,
    batch: Sequence[ExecutionPath],
) -> Screening:
    """Sort a batch into directories to read and unchanged ones.

    Directories that were recorded whole and listed before are not listed again: comparing their
    times is enough.
    """
    screening = Screening()
    for part in chunked(batch, _LOOKUP_SIZE):
        recorded = await find_recorded(database, part)
        whole = [
            place
            for place in part
            if recorded.is_whole(place) and not isinstance(place, ExecutionDirectory)
        ]
        listed_before = await directories.find(whole)
        await asyncio.to_thread(_screen, screening, source, part, recorded, listed_before)
    return screening


def _screen(
    screening: Screening,
    source: Source,
    part: Sequence[ExecutionPath],
    recorded: RecordedExecutions,
    listed_before: Mapping[str, ExecutionDirectory],
) -> None:
    for place in part:
        if source.is_closed:
            return
        before = listed_before.get(place.path)
        if before is not None and recorded.is_unchanged(before) and is_unchanged_on_disk(before):
            screening.unchanged += 1
            continue
        directory = source.list_files(place)
        if directory is None:
            continue
        if not recorded.is_unchanged(directory):
            screening.to_read.append(directory)
            continue
        screening.unchanged += 1
        if recorded.is_whole(directory):
            screening.settled.append(directory)
