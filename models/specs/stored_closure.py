"""Closures and keys of versions as the stored edges give them.

What an earlier version has derived by other rules is derived again.
"""

import logging
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from models.database.client import Database
from models.database.writes import Update, apply_writes
from models.spack.version import stored_version_key
from models.specs.closure import Hops, closure, hop
from models.specs.stored_graph import id_of

Json = dict[str, Any]

CLOSURE_BATCH_SIZE = 100

_LOG = logging.getLogger("caseledger.database")
_SAYS_EVERY = 5000

_BASE = ("name", "version", "versionKey", "hash", "id")
_ROOT = dict.fromkeys(
    ("version", "versionKey", "edges", "dependencies", "builtAs", "builtWith", "updatedAt"), 1
)
_NODE = dict.fromkeys(("edges", "builtAs"), 1)
_IS_STORED: Json = {"tombstone": None, "edges": {"$exists": True}}


async def derive_closures(database: Database) -> None:
    """Derive the closures of all recorded specs again, where an earlier version had other rules.

    What has been done remains when this is interrupted; it says how far it is, every 5,000 specs.
    """
    count, changed = 0, False
    async for ids in batches_of_ids(database, {"tombstone": None}, CLOSURE_BATCH_SIZE):
        updates = await find_outdated(database, ids)
        await write_closures(database, updates)
        count, changed = count + len(ids), changed or bool(updates)
        if changed and count % _SAYS_EVERY < CLOSURE_BATCH_SIZE:
            _LOG.warning("the dependencies of %d recorded specs were derived again", count)


async def batches_of_ids(database: Database, query: Json, size: int) -> AsyncIterator[list[str]]:
    """Yield the ids of the specs that match, in their order, a batch at a time."""
    after = ""
    while page := await database.specs.find(
        {"_id": {"$gt": after}, **query}, {"_id": 1}, sort=[("_id", 1)], limit=size
    ):
        ids = [document["_id"] for document in page]
        yield ids
        after = ids[-1]


async def find_outdated(database: Database, ids: Collection[str]) -> list[Update]:
    """Return the updates of those of these specs whose closures do not follow from their edges.

    A spec is left out when a node below it is no longer stored.
    """
    roots = await database.specs.find({"_id": {"$in": sorted(ids)}, **_IS_STORED}, _ROOT)
    nodes = await _with_nodes_below(database, roots)
    hops = {id_: [_hop(edge) for edge in _edges(node)] for id_, node in nodes.items()}
    bases = {id_of(edge): _rekeyed(edge) for node in nodes.values() for edge in _edges(node)}
    return [update for root in roots for update in _updates(database, root, hops, bases)]


async def write_closures(database: Database, updates: Sequence[Update]) -> None:
    """Write the closures, except where somebody else has changed the spec since it was read."""
    if not updates or await apply_writes(database.specs, updates):
        return
    for update in updates:
        await apply_writes(database.specs, [update])


async def _with_nodes_below(database: Database, roots: Collection[Json]) -> dict[str, Json]:
    known = {root["_id"]: root for root in roots}
    requested = set(known)
    wanted = {id_ for root in roots for id_ in _below(root)} - requested
    while wanted:
        query = {"_id": {"$in": sorted(wanted)}, **_IS_STORED}
        found = await database.specs.find(query, _NODE)
        known |= {node["_id"]: node for node in found}
        requested |= wanted
        wanted = {id_ for node in found for id_ in _below(node)} - requested
    return known


def _below(node: Json) -> Iterator[str]:
    yield from map(id_of, _edges(node))
    yield from map(id_of, node.get("dependencies", ()))
    if node["builtAs"] is not None and node["builtAs"]["known"]:
        yield id_of(node["builtAs"])


def _edges(node: Json) -> Iterator[Json]:
    return (edge for edge in node["edges"] if not edge.get("missing"))


def _rekeyed(edge: Json) -> Json:
    return {**edge, "versionKey": stored_version_key(edge["version"])}


def _hop(edge: Json) -> Any:
    return hop(id_of(edge), edge["types"], edge["virtuals"])


def _updates(
    database: Database, root: Json, hops: Hops, bases: Mapping[str, Json]
) -> Iterator[Update]:
    built_as = root["builtAs"]
    keys = {"dependencies": root["_id"]}
    if built_as is not None and built_as["known"]:
        keys["builtWith"] = id_of(built_as)
    try:
        closures = {field: _closure(key, hops, bases) for field, key in keys.items()}
    except KeyError:  # a node below it is not stored
        return
    fields: Json = {
        **closures,
        "versionKey": stored_version_key(root["version"]),
        "edges": [edge if edge.get("missing") else _rekeyed(edge) for edge in root["edges"]],
    }
    if any(root[name] != value for name, value in fields.items()):
        fields |= {
            "dependencyCount": len(closures["dependencies"]), "updatedAt": datetime.now(UTC)
        }  # fmt: skip
        query = {"_id": root["_id"], "updatedAt": root["updatedAt"]}
        yield Update(database.specs, query, {"$set": fields})


def _closure(key: str, hops: Hops, bases: Mapping[str, Json]) -> list[Json]:
    entries = closure(key, hops)
    return [
        {name: bases[child][name] for name in _BASE if name in bases[child]} | entries[child]
        for child in sorted(entries, key=lambda id_: (bases[id_]["name"], bases[id_]["hash"], id_))
    ]
