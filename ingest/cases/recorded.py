"""Which execution directories need not be opened, because they are recorded as they are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ingest.cases.sources.base import ExecutionDirectory, ExecutionPath
from models.cases.scheduler import state_rank
from models.database.client import Database

_FIELDS = {"executionId": 1, "recorded": 1}


class RecordedExecutions:
    """The executions that are recorded already, of those that a batch of directories may be."""

    def __init__(self, listed: Iterable[Mapping[str, Any]]) -> None:
        self._known: dict[str, list[Mapping[str, Any]]] = {}
        for execution in listed:
            self._known.setdefault(execution["executionId"], []).append(execution["recorded"])

    def is_unchanged(self, found: ExecutionDirectory) -> bool:
        """Tell whether nothing can be learnt from the directory: it need not be opened.

        That is so at a place where it was found before, when its files tell nothing better.
        """
        return any(_adds_nothing(found, known) for known in self._found_at(found))

    def is_whole(self, place: ExecutionPath) -> bool:
        """Tell whether an execution was found there before that is recorded whole."""
        return any(_is_whole(known) for known in self._found_at(place))

    def _found_at(self, place: ExecutionPath) -> Iterator[Mapping[str, Any]]:
        for known in self._known.get(place.location.lid.text, ()):
            if place.path in known["foundAt"]:
                yield known


def _adds_nothing(found: ExecutionDirectory, known: Mapping[str, Any]) -> bool:
    """Tell whether folding the directory in would change nothing: see `models.cases.merge`."""
    if state_rank(found.location.state) > state_rank(known["schedulerState"]):
        return False
    if _is_whole(known):
        return _rank(found.file_count, found.modified, found.fingerprint) <= _rank(
            known["fileCount"], known["filesModified"], known["fingerprint"]
        )
    is_same = known["fingerprint"] == found.fingerprint
    return bool(is_same and known["filesModified"] >= found.modified)


def _is_whole(known: Mapping[str, Any]) -> bool:
    return bool(known["complete"] and known["hasConfiguration"] and not known["unreadFiles"])


def _rank(file_count: int, modified: int, fingerprint: str) -> tuple[int, int, str]:
    return file_count, -modified, fingerprint


async def find_recorded(database: Database, batch: Sequence[ExecutionPath]) -> RecordedExecutions:
    """Look up which of these directories are recorded, with one query over the index of LIDs."""
    lids = sorted({place.location.lid.text for place in batch})
    return RecordedExecutions(
        await database.executions.find({"executionId": {"$in": lids}}, _FIELDS)
    )
