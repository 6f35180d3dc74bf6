"""What becomes of a spec that is to be deleted.

A spec that others stand on, that a spliced one was built as, that a build was made of or an
execution ran on, is not deleted: whoever refers to it would refer to nothing. When that is forced,
a tombstone stays in its place: its hashes still resolve, to when and why it was deleted, and it is
found by no search. A spec that comes again by an import takes the place of its tombstone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.database.client import Database
from models.database.writes import Delete, Update, Upsert
from models.errors import CaseledgerError, WriteConflictError
from models.specs.spec_source import forget_sources
from models.specs.stored_graph import dependents_filter

Json = dict[str, Any]

_SHORTEST_PREFIX = 7
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class References:
    """What refers to a spec: some ids of each kind."""

    specs: tuple[str, ...] = ()
    spliced: tuple[str, ...] = ()
    executions: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.specs or self.spliced or self.executions or self.builds)


class ReferredToError(CaseledgerError):
    """A spec cannot be deleted: others refer to it.

    Where they `added_concurrently`, it was gone for a moment, and is back without its links.
    """

    def __init__(
        self, id_: str, references: References, *, added_concurrently: bool = False
    ) -> None:
        kinds = ("specs", "spliced", "executions", "builds")
        found = [f"{kind} {', '.join(getattr(references, kind))}" for kind in kinds
                 if getattr(references, kind)]  # fmt: skip
        super().__init__(f"{id_} is referred to by {'; '.join(found)}")
        self.references = references
        self.added_concurrently = added_concurrently


async def references_to(database: Database, document: Json) -> References:
    """Return what refers to a spec, up to ten of each kind."""
    own_id, only_id = document["_id"], {"_id": 1}
    lacking = {"missing": {"$in": document["hashes"]}, "missing.0": {"$exists": True}}
    above = {"$or": [dependents_filter(document), lacking]}
    specs = await database.specs.find(above, only_id, limit=_SHOWN)
    built = {"isSpliced": True, "builtAs.hash": document["hash"]}
    spliced = await database.specs.find(built, {"builtAs": 1}, limit=10 * _SHOWN)
    told = _prefixes(document)
    loaded = {"software": {"$elemMatch": {"name": document["name"], "hash": told}}}
    stated = {"softwareLinks.specHash": told}
    executions_using = {"$or": [loaded, stated]}
    executions = await database.executions.find(executions_using, only_id, limit=_SHOWN)
    builds = await database.builds.find({"specHash": told}, only_id, limit=_SHOWN)
    return References(
        tuple(each["_id"] for each in specs),
        tuple(
            each["_id"]
            for each in spliced
            if (each["builtAs"].get("id") or each["builtAs"]["hash"]) == own_id
        )[:_SHOWN],
        tuple(each["_id"] for each in executions),
        tuple(each["_id"] for each in builds),
    )


def _prefixes(document: Json) -> Json:
    """Return what a module, a person or a report may call it by: a hash or its beginning."""
    beginnings = [
        hash_[:length]
        for hash_ in document["hashes"]
        for length in range(_SHORTEST_PREFIX, len(hash_) + 1)
    ]
    return {"$in": beginnings}


async def delete_spec(
    database: Database, id_: str, *, reason: str = "", force: bool = False
) -> bool:
    """Delete a spec; tell whether it was there.

    ReferredToError when something refers to it, or comes to meanwhile, and it is not forced;
    WriteConflictError when it changes meanwhile.
    """
    specs = database.specs
    document = await specs.find_one({"_id": id_, "tombstone": None})
    if document is None:
        return False
    references = await references_to(database, document)
    if references and not force:
        raise ReferredToError(id_, references)
    tombstone = tombstone_of(document, reason)
    if not await _write_over(database, document, Upsert(specs, tombstone)):
        raise WriteConflictError(f"{id_} was changed at the same time")
    await forget_sources(database)
    late = references or await references_to(database, document)
    if not late:
        await _write_over(database, tombstone, Delete(specs, id_))
    elif not force:
        await _write_over(database, tombstone, Upsert(specs, document))
        raise ReferredToError(id_, late, added_concurrently=True)
    return True


async def _write_over(database: Database, before: Json, write: Upsert | Delete) -> bool:
    """Do a write to a spec that is still as it was; tell whether it was."""
    seen = {name: before[name] for name in ("_id", "updatedAt")}
    claim = Update(database.specs, seen, {"$set": {"updatedAt": datetime.now(UTC)}})
    return await database.write([claim, write])


def tombstone_of(document: Json, reason: str) -> Json:
    """Return what stays of a spec: nothing that a search finds, but its hashes."""
    now = datetime.now(UTC)
    kept = {name: document[name] for name in ("_id", "hash", "hashes", "createdAt")}
    told = {
        "name": document["name"],
        "version": document["version"],
        "reason": reason,
        "deletedAt": now,
    }
    return {**kept, "tombstone": told, "updatedAt": now}
