"""Name and version of builds whose sources state only a hash, from the recorded specs.

A writer of builds takes them from the spec, and a writer of specs gives them to the builds of these
specs. So it does not matter which of both is recorded first.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from models.database.client import Database
from models.fields import words_of

_BATCH = 500
_FIELDS = {"hashes": 1, "name": 1, "version": 1, "versionKey": 1}
_WITHOUT_VERSION = {"version": None}


async def describe_builds(database: Database, hashes: Iterable[str]) -> int:
    """Give the version of their spec to builds of specs with these hashes that have none.

    Return how many changed.
    """
    remaining, changed = iter(sorted(set(hashes))), 0
    while batch := list(islice(remaining, _BATCH)):
        builds = await database.builds.find(
            {"specHash": {"$in": batch}, **_WITHOUT_VERSION}, {"specHash": 1, "searchWords": 1}
        )
        if not builds:
            continue
        wanted = sorted({build["specHash"] for build in builds})
        query = {"hashes": {"$in": wanted}, "tombstone": None}
        specs = await database.specs.find(query, _FIELDS, sort=[("_id", 1)])
        by_hash = {hash_: spec for spec in reversed(specs) for hash_ in spec["hashes"]}
        for build in builds:
            spec = by_hash.get(build["specHash"])
            if spec is not None and spec.get("version"):
                changed += await _describe(database, build, spec)
    return changed


async def _describe(database: Database, build: dict[str, Any], spec: dict[str, Any]) -> bool:
    words = {*build["searchWords"], *words_of(spec["version"])}
    fields = {
        "version": spec["version"], "versionKey": spec["versionKey"], "searchWords": sorted(words)
    }  # fmt: skip
    change = {
        "$set": {**fields, "updatedAt": datetime.now(UTC)},
        "$inc": {"revision": 1},
    }
    return await database.builds.update({"_id": build["_id"], **_WITHOUT_VERSION}, change)


async def name_of(database: Database, spec_hash: str) -> str | None:
    """Return the name of the package of a recorded spec, None when none has this hash."""
    spec = await database.specs.find_one({"hashes": spec_hash, "tombstone": None}, {"name": 1})
    return None if spec is None else str(spec["name"])
