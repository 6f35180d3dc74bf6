"""What has an affected version: specs, those that stand on them, their builds, and executions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from api.advisories.advisory import Advisory
from api.http.errors import bad_value
from api.http.urls import API_PREFIX
from api.specs.software_search import MAX_SPECS, executions_linked_to
from api.specs.spack_syntax import SECONDS
from models.database.client import Database
from models.database.collection import Collection
from models.database.queries import and_query
from models.spack.version import MAX_ITEMS, VersionError, version_key
from models.specs.reach import RUN

Json = Mapping[str, Any]

MAX_SHOWN = 20
_SPEC = {"hash": 1, "hashes": 1, "name": 1, "version": 1}
_BUILD = {"name": 1, "version": 1, "status": 1, "specHash": 1}
_EXECUTION = {"executionId": 1, "caseId": 1, "caseName": 1, "machine": 1, "user": 1, "status": 1}


async def find_affected(database: Database, advisory: Advisory) -> dict[str, Any]:
    """Return what an advisory is about, and everything that has an affected version.

    Of each kind these are the number of all, the first of them, and where the others are.
    """
    problems = Counter(advisory.problems)
    versions: set[str] = set()
    for text in await _versions(database, advisory.package):
        try:
            if advisory.affects(text):
                versions.add(text)
        except VersionError:
            problems[f"the recorded version {text!r} cannot be compared"] += 1
    ordered = sorted(versions, key=version_key)
    return {
        "id": advisory.id,
        "aliases": list(advisory.aliases),
        "summary": advisory.summary,
        "package": advisory.package,
        "versions": ordered,
        "problems": list(problems),
        **await _kinds(database, advisory.package or "", ordered),
    }


async def _versions(database: Database, package: str | None) -> set[str]:
    if package is None:
        return set()
    specs = await database.specs.find(
        {"name": package, "tombstone": None}, {"version": 1}, seconds=SECONDS
    )
    return {spec["version"] for spec in specs if spec["version"]}


async def _kinds(database: Database, package: str, versions: Sequence[str]) -> dict[str, Any]:
    query = {"name": package, "version": {"$in": list(versions)}, "tombstone": None}
    specs = await _specs(database, query)
    run = await _specs(database, _standing_on(specs, RUN.conditions))
    runs_on = {spec["_id"] for spec in (*specs, *run)}
    building = await _specs(database, _standing_on(specs, {"scope": "build"}))
    built = [spec for spec in building if spec["_id"] not in runs_on]
    hashes = sorted({hash_ for spec in (*specs, *run) for hash_ in spec["hashes"]})
    executions = executions_linked_to([*specs, *run]) if specs else {"_id": {"$in": []}}
    exact = _exact(package, versions)
    return {
        "specs": _shown(specs, _link("specs", "q", exact)),
        "roots": _shown(
            [spec for spec in run if spec["isRoot"]],
            _link("specs", "dependency", exact, "&deptype=link,run&isRoot=true"),
        ),
        "builtWith": _shown([spec for spec in built if spec["isRoot"]], None),
        "builds": await _found(database.builds, {"specHash": {"$in": hashes}}, _BUILD),
        "executions": await _found(
            database.executions,
            executions,
            _EXECUTION,
            _link("executions", "dependsOn", exact, "&deptype=link,run"),
        ),
        "cases": await _cases(database, executions),
    }


async def _specs(database: Database, query: Json) -> list[dict[str, Any]]:
    fields = {**_SPEC, "isRoot": 1}
    specs = await database.specs.find(dict(query), fields, limit=MAX_SPECS + 1, seconds=SECONDS)
    if len(specs) > MAX_SPECS:
        raise bad_value("body", f"more than {MAX_SPECS:,} specs are affected: ask for fewer")
    return specs


def _standing_on(specs: Sequence[Json], conditions: Json) -> dict[str, Any]:
    entry = {"hash": {"$in": sorted({spec["hash"] for spec in specs})}, **conditions}
    return {"dependencies": {"$elemMatch": entry}}


async def _found(
    collection: Collection, query: Json, fields: Json, link: str | None = None
) -> dict[str, Any]:
    items = await collection.find(
        dict(query), dict(fields), sort=[("_id", 1)], limit=MAX_SHOWN, seconds=SECONDS
    )
    count = await collection.count(dict(query), seconds=SECONDS)
    return {"count": count, "items": [_item(item) for item in items], "link": link}


async def _cases(database: Database, executions: Json) -> dict[str, Any]:
    groups = await database.executions.aggregate(
        [
            {"$match": and_query(executions)},
            {
                "$group": {
                    "_id": "$caseId",
                    "name": {"$first": "$caseName"},
                    "machine": {"$first": "$machine"},
                    "user": {"$first": "$user"},
                    "executionCount": {"$sum": 1},
                }
            },
            {"$sort": {"name": 1, "_id": 1}},
        ],
        seconds=SECONDS,
    )
    items = [_item(group) for group in groups[:MAX_SHOWN]]
    return {"count": len(groups), "items": items, "link": None}


def _shown(specs: Sequence[Json], link: str | None) -> dict[str, Any]:
    ordered = sorted(specs, key=lambda spec: (spec["name"], spec["version"] or "", spec["_id"]))
    return {
        "count": len(specs),
        "items": [_item(spec) for spec in ordered[:MAX_SHOWN]],
        "link": link,
    }


def _item(document: Json) -> dict[str, Any]:
    hidden = {"_id", "hashes", "isRoot"}
    return {"id": document["_id"]} | {k: v for k, v in document.items() if k not in hidden}


def _exact(package: str, versions: Sequence[str]) -> str | None:
    """Return the spec of exactly these versions, None when there are too many for one."""
    if not versions or len(versions) > MAX_ITEMS:
        return None
    return f"{package}@{','.join(f'={version}' for version in versions)}"


def _link(resource: str, parameter: str, spec: str | None, others: str = "") -> str | None:
    if spec is None:
        return None
    return f"{API_PREFIX}/{resource}?{parameter}={quote(spec, safe='@,:')}{others}"
