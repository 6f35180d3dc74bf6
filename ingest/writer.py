"""The one place where an import writes: a case at a time, each in one atomic write."""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ingest.assemble import Observation
from ingest.fold import Outcome, fold
from ingest.layout import Location
from ingest.sources import Found
from models.case import CaseRecord
from models.database import Collection
from models.errors import DatabaseError, DuplicateError
from models.identity import CaseKey

_ATTEMPTS = 50
_BOOKKEEPING = frozenset({"revision", "createdAt", "updatedAt"})
_KNOWN_FIELDS = {
    "machine": 1,
    "user": 1,
    "name": 1,
    "executions.executionId": 1,
    "executions.complete": 1,
    "executions.fingerprint": 1,
    "executions.sourcePath": 1,
    "executions.schedulerState": 1,
    "executions.hasConfiguration": 1,
    "executions.unreadFiles": 1,
    "executions.fileCount": 1,
    "executions.filesModified": 1,
}


class KnownExecutions:
    """The executions that are recorded already, of those that a batch of directories may be."""

    def __init__(self, cases: Iterable[Mapping[str, Any]]) -> None:
        self._known: dict[str, list[tuple[CaseKey, Mapping[str, Any]]]] = {}
        for case in cases:
            key = CaseKey(case["machine"], case["user"], case["name"])
            for execution in case["executions"]:
                self._known.setdefault(execution["executionId"], []).append((key, execution))

    def is_unchanged(self, found: Found) -> bool:
        """Tell whether nothing can be learnt from the directory: it need not be opened.

        That is so when it has the same files as when it was recorded, or no more of them than a
        record that is whole. Where the path does not tell the machine, only the very path that was
        recorded is known.
        """
        return any(
            _teaches_nothing(found, known)
            and (known["sourcePath"] == found.path or _is_of(found.location, key))
            for key, known in self._known.get(found.location.lid.text, ())
        )


def _teaches_nothing(found: Found, known: Mapping[str, Any]) -> bool:
    is_whole = known["complete"] and known["hasConfiguration"] and not known["unreadFiles"]
    if known["fingerprint"] != found.fingerprint:
        return is_whole and len(found.entries) <= known["fileCount"]
    if known["sourcePath"] > found.path:
        return False
    is_told = found.location.state in {None, known["schedulerState"]}
    is_same = known["filesModified"] >= found.modified
    return bool(is_whole or (is_told and is_same))


def _is_of(location: Location, key: CaseKey) -> bool:
    placed = (location.machine, location.user, location.case)
    is_certain = location.is_anchored and location.machine_is_known
    return is_certain and placed == (key.machine, key.user, key.name)


async def find_known(cases: Collection, batch: Sequence[Found]) -> KnownExecutions:
    """Look up which of these directories are recorded, with one query over the index of LIDs."""
    lids = sorted({found.location.lid.text for found in batch})
    return KnownExecutions(
        await cases.find({"executions.executionId": {"$in": lids}}, _KNOWN_FIELDS)
    )


async def write_case(
    cases: Collection, key: CaseKey, observations: Sequence[Observation], *, dry_run: bool = False
) -> Mapping[str, Outcome]:
    """Fold executions into their case and store it; return what became of each, by LID.

    Other importers may write the same case meanwhile: a writer replaces only the revision that it
    read, and otherwise folds again into what is there now.
    """
    for attempt in range(_ATTEMPTS):
        stored = await cases.find_one({"_id": key.case_id})
        before = None if stored is None else CaseRecord.model_validate(stored)
        folded = fold(before, key, observations, datetime.now(UTC))
        if dry_run or await _store(cases, key, before, folded.case):
            return folded.outcomes
        await asyncio.sleep(random.uniform(0, min(1.0, 0.01 * 2**attempt)))  # noqa: S311
    raise DatabaseError(f"case {key.name}: other importers kept writing it; try again")


async def _store(
    cases: Collection, key: CaseKey, before: CaseRecord | None, after: CaseRecord
) -> bool:
    """Write the difference between two states of a case; False when the first is out of date."""
    if before is None:
        try:
            await cases.insert({"_id": key.case_id, **after.stored(), "revision": 1})
        except DuplicateError:
            return False
        return True
    change = _difference(before.stored(), after.stored())
    if not change:
        return True
    change.setdefault("$set", {})["updatedAt"] = datetime.now(UTC)
    change["$inc"] = {"revision": 1}
    return await cases.update({"_id": key.case_id, "revision": before.revision}, change)


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the update that leads from one state to the other, empty when they are equal.

    Executions that come after all that are there are pushed: setting the whole array would send
    it through the oplog.
    """
    changed = {
        name: value
        for name, value in after.items()
        if name not in _BOOKKEEPING and value != before[name]
    }
    old, new = before["executions"], after["executions"]
    if "executions" in changed and new[: len(old)] == old:
        del changed["executions"]
        return {"$set": changed, "$push": {"executions": {"$each": new[len(old) :]}}}
    return {"$set": changed} if changed else {}
