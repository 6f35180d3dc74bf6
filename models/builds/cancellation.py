"""The cancellation of builds that a failed build prevents: its dependents in one run of Spack.

A build becomes cancelled only if it was not run, belongs to the session of the failed build, and
its spec depends on the spec that failed:

    zlib     failed                      zlib     failed
    hdf5     not_run   depends on zlib   hdf5     cancelled, cancelledBy zlib
    cmake    not_run                     cmake    not_run

Nothing else changes: neither the builds that the failed one depends on, nor other attempts, nor
builds that are running or have an outcome.
"""

from datetime import UTC, datetime
from typing import Any

from models.database.client import Database


async def cancel_dependents(database: Database, failed_id: str) -> list[str]:
    """Cancel the builds that depend on a failed build and were not run; return their sorted ids.

    Safe to repeat: a build that is already cancelled keeps the cause that was named first.
    """
    failed = await database.builds.find_one(
        {"_id": failed_id}, {"name": 1, "specHash": 1, "session": 1, "status": 1}
    )
    if failed is None or failed["status"] != "failed" or not failed["session"]:
        return []
    not_run = await database.builds.find(
        {"session": failed["session"], "status": "not_run", "kind": "build"},
        {"specHash": 1},
        sort=[("_id", 1)],
    )
    dependents = await _dependents(database, failed["specHash"], not_run)
    cause = {"buildId": failed_id, "name": failed["name"], "specHash": failed["specHash"]}
    cancelled = []
    for build_id in dependents:
        change = {
            "$set": {
                "status": "cancelled",
                "cancelledBy": cause,
                "updatedAt": datetime.now(UTC),
            },
            "$inc": {"revision": 1},
        }
        # Leaves the build alone if it has been started or cancelled in the meantime.
        if await database.builds.update({"_id": build_id, "status": "not_run"}, change):
            cancelled.append(build_id)
    return cancelled


async def cancel_late_dependents(database: Database, session: str) -> None:
    """Cancel builds that were reported as not run only after one that they depend on had failed."""
    query = {"session": session, "status": "failed", "kind": "build"}
    for failed in await database.builds.find(query, {"_id": 1}, sort=[("orderKey", 1), ("_id", 1)]):
        await cancel_dependents(database, failed["_id"])


async def _dependents(
    database: Database, spec_hash: str | None, builds: list[dict[str, Any]]
) -> list[str]:
    """Return the ids of those builds whose specs are known to depend on a spec."""
    if spec_hash is None:
        return []
    hashes = sorted({build["specHash"] for build in builds if build["specHash"]})
    specs = await database.specs.find(
        {"hashes": {"$in": hashes}, "dependencies.hash": spec_hash}, {"hashes": 1}
    )
    dependent_hashes = {hash_ for spec in specs for hash_ in spec["hashes"]}
    return [build["_id"] for build in builds if build["specHash"] in dependent_hashes]
