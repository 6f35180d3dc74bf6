"""Deletion of specs.

A spec is not deleted while something refers to it: other specs that depend on it, spliced specs
that were built as it, builds of it, executions that ran with it. When the deletion is forced, a
tombstone takes its place. Its hashes still resolve, to when and why the spec was deleted, but no
search finds it. A spec that is imported again replaces its tombstone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.database.client import Database
from models.database.writes import Delete, Update, Upsert
from models.errors import CaseledgerError, WriteConflictError
from models.specs.spec_source import forget_sources
from models.specs.stored_graph import dependents_filter, id_of

Json = dict[str, Any]

_MIN_PREFIX_LENGTH = 7
_MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class References:
    """The documents that refer to a spec: some ids of each kind."""

    specs: tuple[str, ...] = ()
    spliced: tuple[str, ...] = ()
    executions: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.specs or self.spliced or self.executions or self.builds)


class ReferredToError(CaseledgerError):
    """A spec cannot be deleted, because other documents refer to it.

    When these were `added_concurrently`, the spec was absent for a moment, and is stored again, but
    the links to it are lost.
    """

    def __init__(
        self, id_: str, references: References, *, added_concurrently: bool = False
    ) -> None:
        kinds = ("specs", "spliced", "executions", "builds")
        ids = {kind: getattr(references, kind) for kind in kinds}
        texts = [f"{kind} {', '.join(kind_ids)}" for kind, kind_ids in ids.items() if kind_ids]
        super().__init__(f"{id_} is referred to by {'; '.join(texts)}")
        self.references = references
        self.added_concurrently = added_concurrently


async def find_references(database: Database, document: Json) -> References:
    """Return what refers to a spec, up to ten documents of each kind."""
    only_id = {"_id": 1}
    incomplete = {"missing": {"$in": document["hashes"]}, "missing.0": {"$exists": True}}
    dependents = {"$or": [dependents_filter(document), incomplete]}
    specs = await database.specs.find(dependents, only_id, limit=_MAX_SHOWN)
    # Several specs may have this hash: more are read than shown, and then selected by id.
    built_as = {"isSpliced": True, "builtAs.hash": document["hash"]}
    spliced = await database.specs.find(built_as, {"builtAs": 1}, limit=10 * _MAX_SHOWN)
    names = _hashes_and_prefixes(document)
    loaded = {"software": {"$elemMatch": {"name": document["name"], "hash": names}}}
    stated = {"softwareLinks.specHash": names}
    executions_using = {"$or": [loaded, stated]}
    executions = await database.executions.find(executions_using, only_id, limit=_MAX_SHOWN)
    builds = await database.builds.find({"specHash": names}, only_id, limit=_MAX_SHOWN)
    spliced_ids = [spec["_id"] for spec in spliced if id_of(spec["builtAs"]) == document["_id"]]
    return References(
        tuple(spec["_id"] for spec in specs),
        tuple(spliced_ids[:_MAX_SHOWN]),
        tuple(execution["_id"] for execution in executions),
        tuple(build["_id"] for build in builds),
    )


def _hashes_and_prefixes(document: Json) -> Json:
    """Return the condition on a hash that a module, a person or a report may state for a spec."""
    prefixes = [
        hash_[:length]
        for hash_ in document["hashes"]
        for length in range(_MIN_PREFIX_LENGTH, len(hash_) + 1)
    ]
    return {"$in": prefixes}


async def delete_spec(
    database: Database, id_: str, *, reason: str = "", force: bool = False
) -> bool:
    """Delete a spec; return whether it was stored.

    Raise ReferredToError when the deletion is not forced and something refers to the spec, or comes
    to refer to it concurrently. Raise WriteConflictError when the spec changes concurrently.
    """
    specs = database.specs
    document = await specs.find_one({"_id": id_, "tombstone": None})
    if document is None:
        return False
    references = await find_references(database, document)
    if references and not force:
        raise ReferredToError(id_, references)
    tombstone = tombstone_of(document, reason)
    if not await _write_if_unchanged(database, document, Upsert(specs, tombstone)):
        raise WriteConflictError(f"{id_} was changed at the same time")
    await forget_sources(database)
    # References may have been added since the first look: the tombstone is removed only without.
    references = references or await find_references(database, document)
    if not references:
        await _write_if_unchanged(database, tombstone, Delete(specs, id_))
    elif not force:
        await _write_if_unchanged(database, tombstone, Upsert(specs, document))
        raise ReferredToError(id_, references, added_concurrently=True)
    return True


async def _write_if_unchanged(database: Database, before: Json, write: Upsert | Delete) -> bool:
    """Apply a write if the spec has not changed since `before` was read; return whether it was."""
    revision = {name: before[name] for name in ("_id", "updatedAt")}
    claim = Update(database.specs, revision, {"$set": {"updatedAt": datetime.now(UTC)}})
    return await database.write([claim, write])


def tombstone_of(document: Json, reason: str) -> Json:
    """Return the document that replaces a deleted spec: its hashes, and nothing searchable."""
    now = datetime.now(UTC)
    kept = {name: document[name] for name in ("_id", "hash", "hashes", "createdAt")}
    tombstone = {
        "name": document["name"],
        "version": document["version"],
        "reason": reason,
        "deletedAt": now,
    }
    return {**kept, "tombstone": tombstone, "updatedAt": now}
