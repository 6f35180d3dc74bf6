"""Compilation of queries in Spack's syntax to filters on the collection of specs.

The document of a spec contains what a query may require of the spec itself, and the names,
versions, types and virtuals of its dependencies. Any other condition on a dependency needs a
look-up first, which resolves it to hashes:

    app ^hdf5@1.12      name app, and a closure entry named hdf5 with such a version
    app ^hdf5 +mpi      look-up: specs named hdf5 with +mpi have the hashes aaa, bbb
                        name app, and a closure entry with one of these hashes

`tests.support.spec_evaluation` defines the meaning of queries on a graph alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.configuration.keys import escape_name
from models.database.client import Database
from models.database.queries import and_query, or_query
from models.errors import UsageError
from models.spack.graph import LANGUAGES
from models.spack.hash_prefix import hash_range
from models.spack.query import LEGACY_COMPILERS, Dependency, Flags, Node, Variant
from models.spack.target import satisfying_targets
from models.spack.version import KeyInterval, VersionConstraint
from models.specs.spec import SCOPES, Scope

Json = dict[str, Any]

MAX_RESOLVED = 20_000
MAX_LOOKUPS = 16

_ANY: Json = {"name": {"$gte": ""}}
"""A condition that every spec satisfies, along an index."""


class TooBroadError(UsageError):
    """Too many specs match a dependency for a look-up; its name would narrow it."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Limits on what `^` matches: dependencies of a scope, and with `direct` only direct ones.

    With `direct`, the edge also has one of the `types`, if there are any.
    """

    scope: Scope = "test"
    direct: bool = False
    types: tuple[str, ...] = ()

    @property
    def conditions(self) -> Json:
        """The conditions on the scope of a closure entry."""
        scopes = SCOPES[self.scope]
        return {} if self.scope == "test" else {"scope": {"$in": list(scopes)}}


async def spec_filter(
    database: Database,
    query: Node,
    narrowing: Narrowing | None = None,
    *,
    seconds: float | None = None,
) -> Json:
    """Return the filter for a query; each look-up may take `seconds`.

    Raise TooBroadError when a dependency matches too many specs.
    """
    compiler = _Compiler(database, narrowing or Narrowing(), seconds)
    return await compiler.filter(query)


def node_conditions(node: Node) -> list[Json]:
    """Return the conditions of a query on a spec itself, not on dependencies; all must hold."""
    conditions: list[Json] = []
    if node.name is not None:
        conditions.append({"name": node.name})
    if node.version is not None:
        keys = version_conditions(node.version)
        conditions.append(or_query(*({"versionKey": key} for key in keys)))
    fixed = {"namespace": node.namespace, "platform": node.platform, "os": node.os}
    conditions += [{name: value} for name, value in fixed.items() if value is not None]
    targets = satisfying_targets(node.target) if node.target is not None else None
    if targets is not None:
        conditions.append({"target": {"$in": list(targets)}})
    for variant in node.variants:
        conditions += _variant_conditions(variant)
    for flags in node.flags:
        conditions += _flag_conditions(flags)
    if node.hash is not None:
        conditions.append({"hashes": {"$elemMatch": hash_range(node.hash)}})
    return conditions


def version_conditions(constraint: VersionConstraint) -> list[Json]:
    """Return conditions on a version key; a version satisfies the constraint if one holds."""
    return [_interval(interval) for interval in constraint.intervals]


def _all_of(conditions: Sequence[Json]) -> Json:
    """Return the query for all conditions; without any, it still uses an index.

    Tombstones have hashes, too, but are no specs: a condition on the name excludes them.
    """
    excludes_tombstones = any(key != "hashes" for condition in conditions for key in condition)
    return and_query(*conditions) if excludes_tombstones else and_query(*conditions, _ANY)


def _interval(interval: KeyInterval) -> Json:
    condition: Json = {"$gte": interval.low}
    if interval.high is not None:
        condition["$lt"] = interval.high
    if interval.suffix:
        condition["$regex"] = f"{re.escape(interval.suffix)}$"
    return condition


def _variant_conditions(variant: Variant) -> Iterator[Json]:
    path, value = f"variants.{escape_name(variant.name)}", variant.value
    if isinstance(value, bool):
        yield {path: value}
    elif not value:
        yield {path: {"$exists": True}}
    elif variant.name == "patches":
        yield from ({path: {"$regex": f"^{re.escape(text)}"}} for text in value)
    else:
        yield {path: {"$all": list(value)}}
    if variant.exact and isinstance(value, tuple):  # the list has exactly this length
        yield {f"{path}.{len(value)}": {"$exists": False}}
        if len(value) > 1:
            yield {f"{path}.{len(value) - 1}": {"$exists": True}}


def _flag_conditions(flags: Flags) -> Iterator[Json]:
    if flags.values:
        yield {f"flags.{flags.name}": {"$all": list(flags.values)}}


def built_with(node: Node) -> Json:
    """Return the filter for specs that were built with a package of this name and version.

    A spliced spec was built as another one, whose closure is `builtWith`. For all other specs, the
    closure at build time is `dependencies`.
    """
    narrowing = Narrowing("build").conditions
    closures = [{"$elemMatch": {**entry, **narrowing}} for entry in _entries(node)]
    spliced = [{"isSpliced": True, "builtWith": closure} for closure in closures]
    plain = [{"isSpliced": False, "dependencies": closure} for closure in closures]
    return or_query(*spliced, *plain)


def deployed_with(node: Node) -> Json:
    """Return the filter for specs that run with a package of this name and version."""
    narrowing = Narrowing("run").conditions
    return or_query(
        *({"dependencies": {"$elemMatch": {**entry, **narrowing}}} for entry in _entries(node))
    )


def compiled_with(node: Node) -> Json:
    """Return the filter for specs compiled by a compiler of this name, old or new, and version."""
    names = _names(node.name) if node.name else ()
    return or_query(*({"compilers": {"$elemMatch": entry}} for entry in _entries(node, names)))


def _entries(node: Node, names: Sequence[str] = ()) -> Iterator[Json]:
    """Yield conditions on an entry of a closure, by name and version; one of them must hold."""
    entry: Json = {}
    if node.name is not None:
        entry["name"] = {"$in": list(names)} if len(names) > 1 else node.name
    if node.version is None:
        yield entry
    else:
        yield from (entry | {"versionKey": key} for key in version_conditions(node.version))


class _Compiler:
    """Compiles one query; `_lookups` counts its requests to the database."""

    def __init__(self, database: Database, narrowing: Narrowing, seconds: float | None) -> None:
        self._specs = database.specs
        self._narrowing = narrowing
        self._seconds = seconds
        self._lookups = 0

    async def filter(self, node: Node, names: Sequence[str] = ()) -> Json:
        conditions = node_conditions(replace(node, name=None) if names else node)
        if names:
            conditions.insert(0, {"name": {"$in": list(names)}})
        for dependency in node.dependencies:
            conditions.append(await self._dependency(dependency))
        return _all_of(conditions)

    async def _dependency(self, dependency: Dependency) -> Json:
        """Return the condition that a spec has a dependency.

        The name may be that of the package, of a virtual package that it provides, or, up to format
        4, of a compiler that is not a node.
        """
        node = dependency.node
        names = _names(node.name) if dependency.direct and node.name else ()
        is_plain = node.name is not None and node == Node(name=node.name, version=node.version)
        is_plain = is_plain or node == Node()
        entries = list(_entries(node, names)) if is_plain else await self._resolved(node, names)
        alternatives = [self._has_entry(dependency, entry) for entry in entries]
        if node.name is not None and node.version is None:
            entries = [{}] if is_plain else await self._resolved(replace(node, name=None), ())
            alternatives += [self._has_entry(dependency, entry, node.name) for entry in entries]
        if is_plain and dependency.direct and _may_be_legacy(dependency):
            legacy = [{**entry, "hash": None} for entry in _entries(node, names)]
            alternatives += [{"compilers": {"$elemMatch": entry}} for entry in legacy]
        return or_query(*alternatives)

    def _has_entry(self, dependency: Dependency, entry: Json, virtual: str | None = None) -> Json:
        """Return the condition that the closure has such an entry, reached as the query requires.

        The types and virtuals of a closure entry are those of all edges to the node, also from
        other dependencies. For a direct dependency, they must be those of the edge from the spec
        itself, which `edges` has.
        """
        narrowing = self._narrowing
        virtuals = [*dependency.virtuals, *([virtual] if virtual else [])]
        types: Json = {"$all": list(dependency.types)} if dependency.types else {}
        if not dependency.direct and narrowing.direct and narrowing.types:
            types["$in"] = list(narrowing.types)
        edge = ({"types": types} if types else {}) | _provides(virtuals)
        if not dependency.direct and not narrowing.direct:
            return {"dependencies": {"$elemMatch": entry | edge | narrowing.conditions or _ANY}}
        direct = {**entry, "direct": True} | _provides(virtuals)
        condition: Json = {"dependencies": {"$elemMatch": direct}}
        return {**condition, "edges": {"$elemMatch": entry | edge}} if edge else condition

    async def _resolved(self, node: Node, names: Sequence[str]) -> list[Json]:
        """Return conditions on a closure entry, by hash, for all specs that match a query."""
        self._lookups += 1
        if self._lookups > MAX_LOOKUPS:
            raise TooBroadError(f"more than {MAX_LOOKUPS} dependencies with attributes")
        query = await self.filter(node, names)
        specs = await self._specs.find(
            query, {"hash": 1}, limit=MAX_RESOLVED + 1, seconds=self._seconds
        )
        if len(specs) > MAX_RESOLVED:
            raise TooBroadError(f"more than {MAX_RESOLVED} specs match {node}: state the name")
        plain = sorted({spec["hash"] for spec in specs if spec["_id"] == spec["hash"]})
        others = sorted({spec["_id"] for spec in specs if spec["_id"] != spec["hash"]})
        hashes = sorted({spec["hash"] for spec in specs if spec["_id"] != spec["hash"]})
        entries: list[Json] = [{"hash": {"$in": plain}, "id": None}] if plain else []
        return entries + ([{"hash": {"$in": hashes}, "id": {"$in": others}}] if others else [])


def _provides(virtuals: Sequence[str]) -> Json:
    return {"virtuals": {"$all": list(virtuals)}} if virtuals else {}


def _names(name: str) -> list[str]:
    """Return the names of a compiler, old and new; for another package only its name."""
    old = [legacy for legacy, new in LEGACY_COMPILERS.items() if new == name]
    return list(dict.fromkeys([name, LEGACY_COMPILERS.get(name, name), *old]))


def _may_be_legacy(dependency: Dependency) -> bool:
    """Return whether a compiler with a known name and version only may satisfy a dependency."""
    is_build = {"build"}.issuperset(dependency.types)
    return is_build and set(LANGUAGES).issuperset(dependency.virtuals)
