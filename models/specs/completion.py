"""Completion of stored specs that lack nodes, once another file has supplied these nodes.

A listing contains nodes without those below them. When the hashes of a node and of the one below it
both follow from their contents, a hash means the same node in every file:

    listing     hdf5 -> zlib (missing)          stored: hdf5 with missing = [hash of zlib]
    later       zlib                            stored: hdf5 -> zlib, missing = []

Writers complete other specs after they have written their own. So when two write at the same time,
the second one sees what the first has written.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from models.database.client import Database
from models.database.retry import IMPORT_RETRY_SECONDS, Backoff
from models.database.writes import Update, apply_writes
from models.errors import DocumentTooLargeError, WriteConflictError
from models.software.builds import describe_builds
from models.software.links import relink_specs
from models.spack.dag_hash import Verification
from models.spack.native import Entry, assemble
from models.specs.closure_limits import ClosureLimits, TooManyDependenciesError
from models.specs.node_documents import NodeDocuments
from models.specs.store import WriteResult
from models.specs.stored_graph import id_of, native_node

Json = dict[str, Any]

COMPLETION_BATCH_SIZE = 100
INCOMPLETE_SPECS: Json = {"missing.0": {"$exists": True}, "hashVerified": True, "tombstone": None}
"""The filter of the specs that can be completed."""

_PROJECTION = dict.fromkeys(
    (
        "hash", "name", "format", "spec", "specText", "edges", "missing", "dependencies.hash",
        "dependencies.id",
    ), 1,
)  # fmt: skip
_COMPLETED_FIELDS = ("compilers", "edges", "dependencies", "dependencyCount", "missing")


async def complete_and_relink(database: Database, results: Sequence[WriteResult]) -> None:
    """Complete what depends on specs just written: other specs, links of executions, and builds."""
    changed = [result for result in results if result.outcome in {"created", "updated"}]
    hashes = {hash_ for result in changed for hash_ in result.hashes}
    incomplete = {spec_id for result in changed for spec_id in result.incomplete_ids}
    await asyncio.gather(
        complete_specs(database, hashes, incomplete),
        relink_specs(database, hashes),
        describe_builds(database, hashes),
    )


async def complete_specs(
    database: Database, hashes: Collection[str], ids: Collection[str] = ()
) -> int:
    """Complete, as far as possible, the specs that lack nodes of these hashes or have these ids.

    Return how many have changed.
    """
    query = {"missing": {"$in": sorted(hashes)}, **INCOMPLETE_SPECS}
    lacking = await database.specs.find(query, {"_id": 1}, hint="missing") if hashes else []
    incomplete = sorted({*ids, *(document["_id"] for document in lacking)})
    changed = 0
    for start in range(0, len(incomplete), COMPLETION_BATCH_SIZE):
        batch = incomplete[start : start + COMPLETION_BATCH_SIZE]
        changed += await complete_batch(database, batch)
    return changed


async def complete_batch(database: Database, ids: Collection[str]) -> int:
    """Complete some specs; return how many could be, counting those that would become too large.

    A spec that would become too large is left unchanged. Raise WriteConflictError when other
    importers keep completing the same specs.
    """
    backoff = Backoff(IMPORT_RETRY_SECONDS)
    while await backoff.wait():
        updates = await find_completions(database, ids)
        if not updates or await _write(database, updates):
            return len(updates)
    raise WriteConflictError("specs: other importers kept completing the same ones; try again")


async def _write(database: Database, updates: Sequence[Update]) -> bool:
    try:
        return await apply_writes(database.specs, updates)
    except DocumentTooLargeError:
        if len(updates) == 1:
            return True
    # One of them is too large: write them one by one, so that the others succeed.
    return all([await _write(database, [update]) for update in updates])


async def find_completions(database: Database, ids: Collection[str]) -> list[Update]:
    """Return the updates of those of these specs that lack fewer nodes than they state."""
    documents = await database.specs.find(
        {"_id": {"$in": sorted(ids)}, **INCOMPLETE_SPECS}, _PROJECTION
    )
    incomplete = {document["_id"]: document for document in documents if _has_plain_id(document)}
    if not incomplete:
        return []
    known = await _with_nodes_below(database, incomplete)
    return await asyncio.to_thread(lambda: list(_updates(database, incomplete, known)))


def _has_plain_id(document: Json) -> bool:
    """Return whether the hash identifies the content, so that nodes may come from other files."""
    return bool(document["_id"] == document["hash"])


async def _with_nodes_below(database: Database, incomplete: Mapping[str, Json]) -> dict[str, Json]:
    """Return the specs and all stored nodes below them whose hashes follow from their contents."""
    known = dict(incomplete)
    requested = set(known)
    wanted = {id_ for document in incomplete.values() for id_ in _below(document)} - requested
    while wanted:
        query = {"_id": {"$in": sorted(wanted)}, "hashVerified": True, "tombstone": None}
        documents = await database.specs.find(query, _PROJECTION)
        known |= {document["_id"]: document for document in documents}
        requested |= wanted
        wanted = {id_ for document in documents for id_ in _below(document)} - requested
    return known


def _below(document: Json) -> Iterator[str]:
    """Yield the ids of the nodes below a spec, and the hashes of the missing ones."""
    for part in ("edges", "dependencies"):
        yield from map(id_of, document[part])
    yield from document["missing"]


def _updates(
    database: Database, incomplete: Mapping[str, Json], known: Mapping[str, Json]
) -> Iterator[Update]:
    entries = (Entry(native_node(document), f"/{id_}", key=id_) for id_, document in known.items())
    newest = max(document["format"] for document in known.values())
    graph = assemble(entries, newest)
    verified = {
        key: Verification(key, key, is_verified=True, rule="compact") for key in graph.nodes
    }
    node_documents = NodeDocuments(graph, verified)
    for id_, document in incomplete.items():
        if id_ not in graph.nodes or not _is_within_limits(node_documents.limits, id_):
            continue
        completed = node_documents.document(id_)
        reached = known.keys() | set(map(id_of, document["dependencies"]))
        # A node that is stored, or was reached before, must not become a missing one.
        keeps_all = reached.isdisjoint(completed["missing"])
        if keeps_all and completed["missing"] != document["missing"]:
            fields = {name: completed[name] for name in _COMPLETED_FIELDS}
            fields["updatedAt"] = datetime.now(UTC)
            query = {"_id": id_, "missing": document["missing"]}
            yield Update(database.specs, query, {"$set": fields})


def _is_within_limits(limits: ClosureLimits, key: str) -> bool:
    try:
        limits.check(key, is_whole=False)
    except TooManyDependenciesError:
        return False
    return True
