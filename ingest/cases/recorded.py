"""The recorded executions: directories that would add nothing to them need not be opened."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ingest.cases.sources.base import ExecutionDirectory, ExecutionPath
from models.cases.scheduler import state_rank
from models.database.client import Database
from models.version import READER_VERSION

_FIELDS = {"executionId": 1, "recorded": 1}


class RecordedExecutions:
    """The recorded executions with the LIDs of a batch of directories.

    Several executions may have the same LID: those of different machines, users or cases.
    """

    def __init__(self, documents: Iterable[Mapping[str, Any]]) -> None:
        self._by_lid: dict[str, list[Mapping[str, Any]]] = {}
        for document in documents:
            self._by_lid.setdefault(document["executionId"], []).append(document["recorded"])

    def is_unchanged(self, directory: ExecutionDirectory) -> bool:
        """Return whether the directory need not be opened, because it would add nothing.

        That requires that the execution was found at this path before, that the files there rank no
        higher than what is recorded, and that this version of Caseledger has read them.
        """
        return any(_adds_nothing(directory, known) for known in self._found_at(directory))

    def is_whole(self, place: ExecutionPath) -> bool:
        """Return whether an execution that was found at this path before is recorded whole."""
        return any(_is_whole(known) for known in self._found_at(place))

    def _found_at(self, place: ExecutionPath) -> Iterator[Mapping[str, Any]]:
        for known in self._by_lid.get(place.location.lid.text, ()):
            if place.path in known["foundAt"]:
                yield known


def _adds_nothing(directory: ExecutionDirectory, known: Mapping[str, Any]) -> bool:
    """Return whether merging the directory would change nothing: see `models.cases.merge`."""
    if known.get("reader", 0) < READER_VERSION:
        return False
    if state_rank(directory.location.state) > state_rank(known["schedulerState"]):
        return False
    if _is_whole(known):
        return _rank(directory.file_count, directory.modified, directory.fingerprint) <= _rank(
            known["fileCount"], known["filesModified"], known["fingerprint"]
        )
    is_same = known["fingerprint"] == directory.fingerprint
    return bool(is_same and known["filesModified"] >= directory.modified)


def _is_whole(known: Mapping[str, Any]) -> bool:
    return bool(known["complete"] and known["hasConfiguration"] and not known["unreadFiles"])


def _rank(file_count: int, modified: int, fingerprint: str) -> tuple[int, int, str]:
    """Return the rank of a whole copy of an execution; `models.cases.merge` keeps the highest.

    More files rank higher, then older ones; the fingerprint only breaks ties.
    """
    return file_count, -modified, fingerprint


async def find_recorded(database: Database, batch: Sequence[ExecutionPath]) -> RecordedExecutions:
    """Look up which of these directories are recorded, with one query on the index of LIDs."""
    lids = sorted({place.location.lid.text for place in batch})
    return RecordedExecutions(
        await database.executions.find({"executionId": {"$in": lids}}, _FIELDS)
    )
