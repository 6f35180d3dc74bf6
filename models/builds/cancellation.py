"""What a failed build keeps from being run: its dependents, in the same run of Spack.

Only builds that were not run, in the session of the failed one, and only those whose spec stands on
the spec that failed, become cancelled. Nothing else changes: not the builds that it depends on, not
other attempts, not what runs or has an outcome.
"""

from datetime import UTC, datetime
from typing import Any

from models.database.client import Database


async def cancel_dependents(database: Database, failed_id: str) -> list[str]:
    """Cancel what depends on a failed build and was not run; return the ids, in sorted order.

    Safe to repeat: what is cancelled keeps the cause that was named first.
    """
    failed = await database.builds.find_one(
        {"_id": failed_id}, {"name": 1, "specHash": 1, "session": 1, "status": 1}
    )
    if failed is None or failed["status"] != "failed" or not failed["session"]:
        return []
    waiting = await database.builds.find(
        {"session": failed["session"], "status": "not_run", "kind": "build"},
        {"specHash": 1},
        sort=[("_id", 1)],
    )
    dependents = await _dependents(database, failed["specHash"], waiting)
    cause = {"buildId": failed_id, "name": failed["name"], "specHash": failed["specHash"]}
    cancelled = []
    for own_id in dependents:
        change = {
            "$set": {
                "status": "cancelled",
                "cancelledBy": cause,
                "updatedAt": datetime.now(UTC),
            },
            "$inc": {"revision": 1},
        }
        if await database.builds.update({"_id": own_id, "status": "not_run"}, change):
            cancelled.append(own_id)
    return cancelled


async def cancel_latecomers(database: Database, session: str) -> None:
    """Cancel what is reported as not run only after what it depends on has failed."""
    query = {"session": session, "status": "failed", "kind": "build"}
    for failed in await database.builds.find(query, {"_id": 1}, sort=[("orderKey", 1), ("_id", 1)]):
        await cancel_dependents(database, failed["_id"])


async def _dependents(
    database: Database, spec_hash: str | None, waiting: list[dict[str, Any]]
) -> list[str]:
    """Return those of the builds whose specs are known to stand on a spec."""
    if spec_hash is None:
        return []
    hashes = sorted({build["specHash"] for build in waiting if build["specHash"]})
    found = await database.specs.find(
        {"hashes": {"$in": hashes}, "dependencies.hash": spec_hash}, {"hashes": 1}
    )
    known = {name for spec in found for name in spec["hashes"]}
    return [build["_id"] for build in waiting if build["specHash"] in known]
