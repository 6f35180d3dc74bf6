"""Sessions: the builds of one run of Spack, what failed, and what changed since the session before.

    zlib     failed                        a failure; it prevented hdf5 and netcdf-c
    hdf5     cancelled, because of zlib
    netcdf-c cancelled, because of zlib    a root: no other build of the session needs it
    cmake    success

Of several attempts to build one spec, the latest counts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.http.errors import bad_value, not_found
from api.lists.listing import SECONDS
from models.database.client import Database

Json = Mapping[str, Any]

MAX_BUILDS = 20_000
_MAX_TAGS = 20
_FIELDS = dict.fromkeys(
    (
        "specHash", "name", "version", "status", "failedPhase", "message", "cancelledBy",
        "orderKey", "tags", "owner",
    ), 1,
)  # fmt: skip
_TIME = {"$cond": [{"$gt": ["$orderKey", ""]}, "$orderKey", None]}
"""When a build began; null for one that was not run."""
_BAD = frozenset({"failed", "cancelled", "not_run"})
_FIRST = ("failed", "cancelled", "not_run", "running", None, "success")
"""The statuses in the order in which roots are shown."""


async def list_sessions(
    database: Database, limit: int, after: tuple[str, str] | None
) -> list[dict[str, Any]]:
    """Return up to `limit` sessions, those first whose last build is the latest.

    `after` is the `until` and the name of the session to continue after. Each request counts the
    builds of all sessions, along an index.
    """
    beyond = {} if after is None else {
        "$or": [{"until": {"$lt": after[0]}}, {"until": after[0], "_id": {"$gt": after[1]}}]
    }  # fmt: skip
    groups = await database.builds.aggregate(
        [
            {"$match": {"session": {"$gt": ""}, "kind": "build"}},
            {
                "$group": {
                    "_id": {"session": "$session", "status": "$status"},
                    "since": {"$min": _TIME},
                    "until": {"$max": "$orderKey"},
                    "count": {"$sum": 1},
                }
            },
            {
                "$group": {
                    "_id": "$_id.session",
                    "since": {"$min": "$since"},
                    "until": {"$max": "$until"},
                    "counts": {"$push": {"status": "$_id.status", "count": "$count"}},
                }
            },
            {"$match": beyond},
            {"$sort": {"until": -1, "_id": 1}},
            {"$limit": limit},
        ],
        hint="session of kind",
        seconds=SECONDS,
    )
    return [
        {
            "session": group["_id"],
            "since": group["since"] or "",
            "until": group["until"],
            "builds": sum(each["count"] for each in group["counts"]),
            "byStatus": _by_status(group["counts"]),
        }
        for group in groups
    ]


def _by_status(counts: Iterable[Json]) -> dict[str, int]:
    return dict(sorted((each.get("status") or "unknown", each["count"]) for each in counts))


def _count(statuses: Iterable[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(status or "unknown" for status in statuses).items()))


async def read_session(database: Database, session: str, previous: str | None) -> dict[str, Any]:
    """Return a session in full, compared with `previous`, or else with the one before.

    That is the latest earlier session that built one of its roots. 404 when it has no builds.
    """
    attempts = await _builds(database, session)
    if not attempts:
        raise not_found("session", session)
    builds = _latest(attempts)
    below = await _dependencies(database, builds)
    needed = {hash_ for build in builds for hash_ in below.get(build["specHash"] or "", ())}
    roots = [build for build in builds if build["specHash"] not in needed]
    since = min((build["orderKey"] for build in attempts if build["orderKey"]), default="")
    if previous is None:
        previous = await _session_before(database, session, since, roots)
        before = await _builds(database, previous) if previous else []
    else:
        before = await _builds(database, previous)
        if not before:
            raise not_found("session", previous)
    return {
        "session": session,
        "since": since,
        "until": max(build["orderKey"] for build in attempts),
        "builds": len(attempts),
        "byStatus": _count(build["status"] for build in attempts),
        "tags": sorted({tag for build in attempts for tag in build["tags"]})[:_MAX_TAGS],
        "owners": sorted({build["owner"] for build in attempts} - {None}),
        "withoutSpec": sum(build["specHash"] not in below for build in builds),
        "roots": [_shown(build) for build in sorted(roots, key=_urgency)],
        "failures": [
            {**_shown(build), "prevented": _prevented(build, builds)}
            for build in sorted(builds, key=_urgency)
            if build["status"] == "failed"
        ],
        "comparison": _compare(previous, builds, _latest(before)) if previous else None,
    }


async def _builds(database: Database, session: str) -> list[dict[str, Any]]:
    builds = await database.builds.find(
        {"session": session, "kind": "build"}, _FIELDS, limit=MAX_BUILDS + 1, seconds=SECONDS
    )
    if len(builds) > MAX_BUILDS:
        raise bad_value("session", f"it has more than {MAX_BUILDS:,} builds: use /builds")
    return sorted(builds, key=lambda build: (build["orderKey"], build["_id"]))


def _latest(attempts: Iterable[Json]) -> list[Json]:
    """Return the latest attempt of each spec, of attempts in the order of time."""
    return list({build["specHash"] or build["_id"]: build for build in attempts}.values())


async def _dependencies(database: Database, builds: Sequence[Json]) -> dict[str, list[str]]:
    """Return the hashes below each recorded spec, by every hash of that spec."""
    hashes = sorted({build["specHash"] for build in builds if build["specHash"]})
    specs = await database.specs.find(
        {"hashes": {"$in": hashes}}, {"hashes": 1, "dependencies.hash": 1}, seconds=SECONDS
    )
    return {
        hash_: [entry["hash"] for entry in spec["dependencies"]]
        for spec in specs
        for hash_ in spec["hashes"]
    }


async def _session_before(
    database: Database, session: str, since: str, roots: Sequence[Json]
) -> str | None:
    query = {
        "name": {"$in": sorted({build["name"] for build in roots})},
        "kind": "build",
        "session": {"$gt": "", "$ne": session},
        "orderKey": {"$lt": since},
    }
    order = [("orderKey", -1), ("_id", 1)]
    found = await database.builds.find(query, {"session": 1}, sort=order, limit=1, seconds=SECONDS)
    return found[0]["session"] if found else None


def _urgency(build: Json) -> tuple[int, str, str]:
    return _FIRST.index(build["status"]), build["name"], build["_id"]


def _shown(build: Json) -> dict[str, Any]:
    fields = ("specHash", "name", "version", "status", "failedPhase", "message", "cancelledBy")
    return {"id": build["_id"], **{name: build.get(name) for name in fields}}


def _prevented(failed: Json, builds: Iterable[Json]) -> list[dict[str, Any]]:
    """Return the builds that were not run because one failed, by name."""
    prevented = [
        build
        for build in builds
        if build["cancelledBy"] is not None and build["cancelledBy"]["buildId"] == failed["_id"]
    ]
    return [_shown(build) for build in sorted(prevented, key=lambda build: build["name"])]


def _compare(previous: str, builds: Sequence[Json], before: Sequence[Json]) -> dict[str, Any]:
    """Return how the packages that both sessions built have changed, by their names.

    A package is bad when one of its builds failed, was cancelled or was not run.
    """
    bad, was_bad = _bad_names(builds), _bad_names(before)
    names, old_names = {build["name"] for build in builds}, {build["name"] for build in before}
    return {
        "session": previous,
        "newlyFailed": sorted((bad - was_bad) & old_names),
        "newlyMended": sorted((was_bad - bad) & names),
        "stillFailing": sorted(bad & was_bad),
        "added": sorted(names - old_names),
        "removed": sorted(old_names - names),
    }


def _bad_names(builds: Iterable[Json]) -> set[str]:
    return {build["name"] for build in builds if build["status"] in _BAD}
