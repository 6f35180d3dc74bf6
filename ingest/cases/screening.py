"""Looking at execution directories before anything in them is read: which ones are worth it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingest.cases.directory_cache import ListedDirectories
from ingest.cases.recorded import KnownExecutions, find_known
from ingest.cases.sources.base import Found, Located, Source
from ingest.cases.sources.directory import is_as_it_was
from models.database.client import Database

_LOOKED_UP = 256


@dataclass(slots=True)
class Looked:
    """What a look at a batch has shown: directories to read, and how many need not be.

    `settled` are those that need not be read, were listed all the same, and need not be again.
    """

    wanted: list[Found] = field(default_factory=list)
    unchanged: int = 0
    settled: list[Found] = field(default_factory=list)


async def look_at(
    database: Database, listed: ListedDirectories, source: Source, batch: Sequence[Located]
) -> Looked:
    """Look at the directories of a batch: at those that are recorded whole, and were listed, only
    whether they are as they were.
    """
    looked = Looked()
    for start in range(0, len(batch), _LOOKED_UP):
        part = batch[start : start + _LOOKED_UP]
        known = await find_known(database, part)
        whole = [place for place in part if known.is_whole(place) and not isinstance(place, Found)]
        before = await listed.find(whole)
        await asyncio.to_thread(_look, looked, source, part, known, before)
    return looked


def _look(
    looked: Looked,
    source: Source,
    part: Sequence[Located],
    known: KnownExecutions,
    before: Mapping[str, Found],
) -> None:
    for place in part:
        if source.is_closed:
            return
        last = before.get(place.path)
        if last is not None and known.is_unchanged(last) and is_as_it_was(last):
            looked.unchanged += 1
            continue
        found = source.look(place)
        if found is None:
            continue
        if not known.is_unchanged(found):
            looked.wanted.append(found)
            continue
        looked.unchanged += 1
        if known.is_whole(found):
            looked.settled.append(found)
