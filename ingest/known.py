"""Which execution directories need not be opened, because they are recorded as they are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingest.layout import Location
from ingest.sources import Found
from models.database import Database

_FIELDS = {"machine": 1, "user": 1, "caseName": 1, "executionId": 1, "recorded": 1}


class KnownExecutions:
    """The executions that are recorded already, of those that a batch of directories may be."""

    def __init__(self, listed: Iterable[Mapping[str, Any]]) -> None:
        self._known: dict[str, list[Mapping[str, Any]]] = {}
        for execution in listed:
            self._known.setdefault(execution["executionId"], []).append(execution)

    def is_unchanged(self, found: Found) -> bool:
        """Tell whether nothing can be learnt from the directory: it need not be opened.

        That is so when it has the same files as when it was recorded, or no more of them than a
        record that is whole. Where the path does not tell the machine, only the very path that was
        recorded is known.
        """
        return any(
            _teaches_nothing(found, known["recorded"])
            and (known["recorded"]["sourcePath"] == found.path or _is_of(found.location, known))
            for known in self._known.get(found.location.lid.text, ())
        )


def _teaches_nothing(found: Found, known: Mapping[str, Any]) -> bool:
    is_whole = known["complete"] and known["hasConfiguration"] and not known["unreadFiles"]
    if known["fingerprint"] != found.fingerprint:
        return is_whole and found.file_count <= known["fileCount"]
    if known["sourcePath"] > found.path:
        return False
    is_told = found.location.state in {None, known["schedulerState"]}
    is_same = known["filesModified"] >= found.modified
    return bool(is_whole or (is_told and is_same))


def _is_of(location: Location, known: Mapping[str, Any]) -> bool:
    placed = (location.machine, location.user, location.case)
    is_certain = location.is_anchored and location.machine_is_known
    return is_certain and placed == (known["machine"], known["user"], known["caseName"])


async def find_known(database: Database, batch: Sequence[Found]) -> KnownExecutions:
    """Look up which of these directories are recorded, with one query over the index of LIDs."""
    lids = sorted({found.location.lid.text for found in batch})
    return KnownExecutions(await database.executions.find({"executionId": {"$in": lids}}, _FIELDS))
