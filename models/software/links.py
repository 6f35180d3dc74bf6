"""The links between executions and the specs that they ran on, kept correct from both sides.

    case:  software       netcdf-c 4.9.2 a4hji6e ──┐ may mean
           softwareLinks  a4hji6e…  built_with ────┤
    executions:  specs    <───────────────────────┴── specs

An execution has software by name, version and the beginning of a hash, and specs that people
stated. `specs` of a listed execution are all specs that these may mean. They are derived, and never
stored with the case: a writer of executions resolves their links afterwards, and so does a writer
of specs. So of two concurrent writers, the second sees what the first has written.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from models.database.client import Database
from models.spack.hash_prefix import hash_range

Json = dict[str, Any]

_BATCH = 500
_PREFIXES_OF_QUERY = 100
_PREFIX = 7
_WHOLE = 32
_SPEC_FIELDS = {"hash": 1, "hashes": 1, "name": 1, "version": 1}
_EXECUTION_FIELDS = {"software": 1, "softwareLinks": 1, "specs": 1}


async def resolve_software(database: Database, execution_ids: Iterable[str]) -> int:
    """Correct `specs` of listed executions; return how many changed."""
    changed = 0
    for ids in _batches(execution_ids):
        executions = await database.executions.find({"_id": {"$in": ids}}, _EXECUTION_FIELDS)
        linked = await linked_specs(database, executions)
        for execution, specs in zip(executions, linked, strict=True):
            if execution.get("specs", []) != specs:
                changed += await _set_specs(database, execution, specs)
    return changed


async def relink_specs(database: Database, hashes: Iterable[str]) -> int:
    """Correct the links that may lead to specs which were written or deleted.

    `hashes` are all hashes of these specs. Return how many executions changed.
    """
    changed = 0
    for batch in _batches(set(hashes)):
        keys = sorted({*batch, *(hash_[:_PREFIX] for hash_ in batch)})
        query = {
            "$or": [{"software.hash": {"$in": keys}}, {"softwareLinks.specHash": {"$in": keys}}]
        }
        executions = database.executions.stream(query, {"_id": 1})
        changed += await resolve_software(database, [doc["_id"] async for doc in executions])
    return changed


async def linked_specs(
    database: Database, executions: Sequence[Mapping[str, Any]]
) -> list[list[Json]]:
    """Return the specs that each listed execution ran on, in the form of `LinkedSpec`.

    `role` is `loaded`, or the role that was stated. `candidates` is the number of specs that the
    same name, version and hash may mean.
    """
    prefixes = _prefixes(executions)
    known = _Specs([spec async for spec in _specs(database, prefixes)])
    return [list(_links(execution, known)) for execution in executions]


async def fill_specs(database: Database, documents: Sequence[Json]) -> None:
    """Set `specs` of listed executions that are about to be written."""
    linked = [doc for doc in documents if doc.get("software") or doc.get("softwareLinks")]
    if linked:
        for document, specs in zip(linked, await linked_specs(database, linked), strict=True):
            document["specs"] = specs


async def _set_specs(database: Database, execution: Json, specs: list[Json]) -> bool:
    """Store the links, unless the software of the execution has changed in the meantime."""
    query: Json = {"_id": execution["_id"]}
    query |= {name: execution[name] for name in ("software", "softwareLinks") if name in execution}
    return await database.executions.update(query, {"$set": {"specs": specs}})


def _prefixes(executions: Iterable[Mapping[str, Any]]) -> list[str]:
    prefixes = set()
    for execution in executions:
        prefixes |= {software["hash"] for software in execution.get("software") or ()}
        prefixes |= {link["specHash"] for link in execution.get("softwareLinks") or ()}
    return sorted(prefixes)


async def _specs(database: Database, prefixes: Sequence[str]) -> AsyncIterator[Json]:
    """Yield the specs of which a hash begins with one of the prefixes."""
    for part in _batches(prefixes, _PREFIXES_OF_QUERY):
        whole = [prefix for prefix in part if len(prefix) >= _WHOLE]
        ranges: list[Json] = [
            {"hashes": {"$elemMatch": hash_range(prefix)}}
            for prefix in part
            if len(prefix) < _WHOLE
        ]
        conditions = [*ranges, {"hashes": {"$in": whole}}] if whole else ranges
        query = {"$or": conditions, "tombstone": None}
        async for spec in database.specs.stream(query, _SPEC_FIELDS):
            yield spec


class _Specs:
    """Specs, indexed by all their hashes, whole and by their first seven characters."""

    def __init__(self, specs: Iterable[Json]) -> None:
        self._by_hash: dict[str, dict[str, Json]] = {}
        for spec in specs:
            for hash_ in spec["hashes"]:
                for key in {hash_, hash_[:_PREFIX]}:
                    self._by_hash.setdefault(key, {})[spec["_id"]] = spec

    def with_prefix(self, prefix: str) -> list[Json]:
        """Return the specs of which a hash begins with `prefix`, in the order of their ids."""
        candidates = self._by_hash.get(prefix) or self._by_hash.get(prefix[:_PREFIX], {})
        return [
            candidates[spec_id]
            for spec_id in sorted(candidates)
            if any(hash_.startswith(prefix) for hash_ in candidates[spec_id]["hashes"])
        ]


def _links(execution: Mapping[str, Any], specs: _Specs) -> Iterator[Json]:
    for software in execution.get("software") or ():
        package = (software["name"], software["version"])
        candidates = [
            spec
            for spec in specs.with_prefix(software["hash"])
            if (spec["name"], spec["version"]) == package
        ]
        yield from (_link(spec, "loaded", len(candidates)) for spec in candidates)
    for stated in execution.get("softwareLinks") or ():
        candidates = specs.with_prefix(stated["specHash"])
        yield from (_link(spec, stated["role"], len(candidates)) for spec in candidates)


def _link(spec: Json, role: str, candidates: int) -> Json:
    return {
        "id": spec["_id"],
        "hash": spec["hash"],
        "name": spec["name"],
        "version": spec["version"],
        "role": role,
        "candidates": candidates,
    }


def _batches(items: Iterable[str], size: int = _BATCH) -> Iterator[list[str]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
