"""Completes stored specs that lack nodes, when these have come in another file.

A listing has nodes without those below them. Where the hashes of both follow from their contents,
a hash means the same node whatever file it stands in. Whoever writes specs completes others
afterwards, so that of two at the same time the second sees what the first has written.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from models.database.client import Database
from models.database.retry import IMPORT_RETRY_SECONDS, Backoff
from models.database.writes import Update, apply_writes
from models.errors import DocumentTooLargeError, WriteConflictError
from models.software.links import relink_specs
from models.spack.dag_hash import Verification
from models.spack.graph import Entry, Graph, assemble
from models.specs.node_documents import NodeDocuments, TooManyDependenciesError
from models.specs.store import Written, limit_closures
from models.specs.stored_graph import id_of, native_node

Json = dict[str, Any]

COMPLETION_BATCH = 100
INCOMPLETE: Json = {"missing.0": {"$exists": True}, "hashVerified": True, "tombstone": None}
_READ = dict.fromkeys(
    (
        "hash", "name", "format", "spec", "specText", "edges", "missing", "dependencies.hash",
        "dependencies.id",
    ), 1,
)  # fmt: skip
_GROWS = ("compilers", "edges", "dependencies", "dependencyCount", "missing")


async def complete_and_relink(database: Database, written: Sequence[Written]) -> None:
    """Make right what stands on specs that were just written: other specs, and executions."""
    news = [each for each in written if each.outcome in {"created", "updated"}]
    hashes = {own for each in news for own in each.hashes}
    lacking = {own for each in news for own in each.lacking}
    await asyncio.gather(complete_specs(database, hashes, lacking), relink_specs(database, hashes))


async def complete_specs(
    database: Database, hashes: Collection[str], ids: Collection[str] = ()
) -> int:
    """Complete the specs that lack nodes of these hashes, and those of these ids, as far as may be.

    Return how many have changed.
    """
    query = {"missing": {"$in": sorted(hashes)}, **INCOMPLETE}
    found = await database.specs.find(query, {"_id": 1}, hint="missing") if hashes else []
    waiting = sorted({*ids, *(each["_id"] for each in found)})
    changed = 0
    for start in range(0, len(waiting), COMPLETION_BATCH):
        changed += await complete_batch(database, waiting[start : start + COMPLETION_BATCH])
    return changed


async def complete_batch(database: Database, ids: Collection[str]) -> int:
    """Complete some specs, each for itself; one that would be too large is left as it is."""
    backoff = Backoff(IMPORT_RETRY_SECONDS)
    while await backoff.wait():
        updates = await find_completions(database, ids)
        if not updates or await _write(database, updates):
            return len(updates)
    raise WriteConflictError("specs: other importers kept completing the same; try again")


async def _write(database: Database, updates: Sequence[Update]) -> bool:
    try:
        return await apply_writes(database.specs, updates)
    except DocumentTooLargeError:
        if len(updates) == 1:
            return True
    return all([await _write(database, [update]) for update in updates])


async def find_completions(database: Database, ids: Collection[str]) -> list[Update]:
    """Return what is to be changed in those of these specs that lack less than they say."""
    found = await database.specs.find({"_id": {"$in": sorted(ids)}, **INCOMPLETE}, _READ)
    lacking = {each["_id"]: each for each in found if each["_id"] == each["hash"]}
    if not lacking:
        return []
    known = await _with_nodes_below(database, lacking)
    return await asyncio.to_thread(lambda: list(_changes(database, lacking, known)))


async def _with_nodes_below(database: Database, lacking: Mapping[str, Json]) -> dict[str, Json]:
    """Return specs with all that is stored below them and whose hash follows from its content."""
    known = dict(lacking)
    asked = set(known)
    wanted = {each for document in lacking.values() for each in _below(document)} - asked
    while wanted:
        query = {"_id": {"$in": sorted(wanted)}, "hashVerified": True, "tombstone": None}
        found = await database.specs.find(query, _READ)
        known |= {document["_id"]: document for document in found}
        asked |= wanted
        wanted = {each for document in found for each in _below(document)} - asked
    return known


def _below(document: Json) -> Iterator[str]:
    """Give the ids of what stands below a spec, and the hashes of what is missing there."""
    for part in ("edges", "dependencies"):
        yield from map(id_of, document[part])
    yield from document["missing"]


def _changes(
    database: Database, lacking: Mapping[str, Json], known: Mapping[str, Json]
) -> Iterator[Update]:
    entries = (Entry(native_node(each), f"/{id_}", key=id_) for id_, each in known.items())
    newest = max(each["format"] for each in known.values())
    graph = assemble(entries, newest)
    certain = {key: Verification(key, key, is_verified=True) for key in graph.nodes}
    derivation = NodeDocuments(graph, certain)
    for id_, document in lacking.items():
        if id_ not in graph.nodes or not _is_within_limits(graph, id_):
            continue
        derived = derivation.document(id_)
        reached = known.keys() | set(map(id_of, document["dependencies"]))
        if derived["missing"] != document["missing"] and reached.isdisjoint(derived["missing"]):
            changes = {name: derived[name] for name in _GROWS} | {"updatedAt": datetime.now(UTC)}
            query = {"_id": id_, "missing": document["missing"]}
            yield Update(database.specs, query, {"$set": changes})


def _is_within_limits(graph: Graph, key: str) -> bool:
    try:
        limit_closures(graph, graph.document_keys(key))
    except TooManyDependenciesError:
        return False
    return True
