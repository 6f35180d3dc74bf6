"""The success matrix of packages: counts of builds by version, compiler and target."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.lists.listing import SECONDS
from api.specs.software_search import builds_matching
from models.database.client import Database
from models.database.queries import and_query, or_query

Document = Mapping[str, Any]
Key = tuple[str | None, tuple[str, ...], str | None]

MAX_GROUPS = 20_000  # of builds with the same spec, version, status and host target
_MAX_HASHES = 100  # listed in a cell


async def read_matrix(
    database: Database, parameter: str, packages: Sequence[str], *, roots: bool
) -> dict[str, Any]:
    """Return the matrix for the builds, without the tests, of specs that match any of the packages.

    Without packages it is for all builds. With `roots`, only builds of specs count that were
    recorded themselves, not only as dependencies of others.
    """
    matching = [await builds_matching(database, parameter, package) for package in packages]
    query = and_query({"kind": "build"}, or_query(*matching) if matching else {})
    groups = await database.builds.aggregate(_pipeline(query), seconds=SECONDS)
    hashes = sorted({group["_id"]["specHash"] for group in groups} - {None})
    specs = await database.specs.find(
        {"hashes": {"$in": hashes}, **({"isRoot": True} if roots else {})},
        {"hashes": 1, "compilers": 1, "target": 1},
        sort=[("_id", 1)],
        seconds=SECONDS,
    )
    if roots:
        known = {hash_ for spec in specs for hash_ in spec["hashes"]}
        shown = [group for group in groups if group["_id"]["specHash"] in known]
    else:
        shown = groups
    return {
        "packages": list(packages),
        "items": _matrices(shown[:MAX_GROUPS], specs),
        "isComplete": len(groups) <= MAX_GROUPS,
    }


def _matrices(groups: Sequence[Document], specs: Sequence[Document]) -> list[dict[str, Any]]:
    """Return the matrix of each package, by name."""
    by_name: dict[str, list[Document]] = {}
    for group in groups:
        by_name.setdefault(group["_id"]["name"], []).append(group)
    matrices = []
    for name in sorted(by_name):
        cells = matrix_cells(by_name[name], specs)
        versions = list(dict.fromkeys(cell["version"] for cell in cells))
        matrices.append({"name": name, "versions": versions, "cells": cells})
    return matrices


def _pipeline(query: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("name", "specHash", "version", "versionKey", "status")
    key = {name: {"$ifNull": [f"${name}", None]} for name in names}
    latest = {"orderKey": "$orderKey", "id": "$_id", "status": "$status"}
    return [
        {"$match": query},
        {
            "$group": {
                "_id": {**key, "hostTarget": {"$ifNull": ["$host.hostTarget", None]}},
                "count": {"$sum": 1},
                "latest": {"$max": latest},
            }
        },
        {"$sort": {"_id": 1}},
        {"$limit": MAX_GROUPS + 1},
    ]


def matrix_cells(groups: Sequence[Document], specs: Iterable[Document]) -> list[dict[str, Any]]:
    """Return the cells in the order of versions, compilers and targets."""
    by_hash = {spec_hash: spec for spec in specs for spec_hash in spec["hashes"]}
    cells: dict[Key, list[Document]] = {}
    for group in sorted(groups, key=lambda group: group["_id"]["versionKey"] or ""):
        cells.setdefault(_key(group["_id"], by_hash), []).append(group)
    order = list(dict.fromkeys(version for version, _, _ in cells))
    places = sorted(cells, key=lambda key: (order.index(key[0]), key[1], key[2] or ""))
    return [_cell(key, cells[key]) for key in places]


def _key(group: Document, specs: Mapping[str, Document]) -> Key:
    """Return version, compilers and target; without a recorded spec, the target of the host."""
    spec = specs.get(group["specHash"] or "")
    if spec is None:
        return group["version"], (), group["hostTarget"]
    compilers = {_compiler(compiler) for compiler in spec.get("compilers") or ()}
    return group["version"], tuple(sorted(compilers)), spec.get("target") or group["hostTarget"]


def _compiler(compiler: Document) -> str:
    return f"{compiler['name']}@{compiler['version']}" if compiler["version"] else compiler["name"]


def _cell(key: Key, groups: Sequence[Document]) -> dict[str, Any]:
    version, compilers, target = key
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group["_id"]["status"] or "unknown"] += group["count"]
    latest = max(
        (group["latest"] for group in groups), key=lambda build: (build["orderKey"], build["id"])
    )
    hashes = {group["_id"]["specHash"] for group in groups} - {None}
    return {
        "version": version,
        "compilers": list(compilers),
        "target": target,
        "attempts": counts.total(),
        "byStatus": dict(sorted(counts.items())),
        "specHashes": sorted(hashes)[:_MAX_HASHES],
        "latest": {name: latest.get(name) for name in ("id", "status", "orderKey")},
    }
