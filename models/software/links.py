"""The link between executions and the specs that they ran on, kept right from either side.

An execution knows software by name, version and the beginning of a hash, and by what people stated.
`specs` of a listed execution are the specs that this may mean, all of them where it may mean
several. That is derived, never stored with the case: whoever writes executions resolves them
afterwards, whoever writes specs links them afterwards, so that of two at the same time the second
sees what the first has written.
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
    """Make `specs` of listed executions right; return how many were not."""
    changed = 0
    for ids in _batches(execution_ids):
        found = await database.executions.find({"_id": {"$in": ids}}, _EXECUTION_FIELDS)
        for execution, specs in zip(found, await linked_specs(database, found), strict=True):
            if execution.get("specs", []) != specs:
                changed += await _set_specs(database, execution, specs)
    return changed


async def relink_specs(database: Database, hashes: Iterable[str]) -> int:
    """Make the links right that may lead to specs which were written, or deleted.

    The hashes are all that these go by. Return how many executions have changed.
    """
    changed = 0
    for own in _batches(set(hashes)):
        told = sorted({*own, *(each[:_PREFIX] for each in own)})
        query = {
            "$or": [{"software.hash": {"$in": told}}, {"softwareLinks.specHash": {"$in": told}}]
        }
        found = [each["_id"] async for each in database.executions.stream(query, {"_id": 1})]
        changed += await resolve_software(database, found)
    return changed


async def linked_specs(
    database: Database, executions: Sequence[Mapping[str, Any]]
) -> list[list[Json]]:
    """Return for each execution, as it is stored, the specs that it ran on.

    Each is said with its role: `loaded`, or what was stated. `candidates` is of how many specs it
    is one, where name, version and hash do not tell more.
    """
    prefixes = _prefixes(executions)
    known = _Specs([spec async for spec in _specs(database, prefixes)])
    return [list(_links(execution, known)) for execution in executions]


async def fill_specs(database: Database, documents: Sequence[Json]) -> None:
    """Set `specs` of listed executions that are about to be written."""
    named = [doc for doc in documents if doc.get("software") or doc.get("softwareLinks")]
    if named:
        for document, specs in zip(named, await linked_specs(database, named), strict=True):
            document["specs"] = specs


async def _set_specs(database: Database, execution: Json, specs: list[Json]) -> bool:
    """Store the links, unless the execution was written anew meanwhile."""
    query: Json = {"_id": execution["_id"]}
    query |= {name: execution[name] for name in ("software", "softwareLinks") if name in execution}
    return await database.executions.update(query, {"$set": {"specs": specs}})


def _prefixes(executions: Iterable[Mapping[str, Any]]) -> list[str]:
    loaded = {each["hash"] for one in executions for each in one.get("software") or ()}
    stated = {each["specHash"] for one in executions for each in one.get("softwareLinks") or ()}
    return sorted(loaded | stated)


async def _specs(database: Database, prefixes: Sequence[str]) -> AsyncIterator[Json]:
    """Give the specs one of whose hashes begins with one of the prefixes."""
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
    """The specs that were looked up, by the beginning and the whole of all their hashes."""

    def __init__(self, specs: Iterable[Json]) -> None:
        self._by_hash: dict[str, dict[str, Json]] = {}
        for spec in specs:
            for own in spec["hashes"]:
                for told in {own, own[:_PREFIX]}:
                    self._by_hash.setdefault(told, {})[spec["_id"]] = spec

    def that_begin(self, told: str) -> list[Json]:
        """Return the specs of a hash, or of its first characters, in the order of their ids."""
        found = self._by_hash.get(told) or self._by_hash.get(told[:_PREFIX], {})
        return [
            found[own]
            for own in sorted(found)
            if any(each.startswith(told) for each in found[own]["hashes"])
        ]


def _links(execution: Mapping[str, Any], specs: _Specs) -> Iterator[Json]:
    for software in execution.get("software") or ():
        same = (software["name"], software["version"])
        found = [
            spec
            for spec in specs.that_begin(software["hash"])
            if (spec["name"], spec["version"]) == same
        ]
        yield from (_link(spec, "loaded", len(found)) for spec in found)
    for stated in execution.get("softwareLinks") or ():
        found = specs.that_begin(stated["specHash"])
        yield from (_link(spec, stated["role"], len(found)) for spec in found)


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
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
