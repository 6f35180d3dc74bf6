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
from models.spack.clauses import ConflictError, merge_clauses
from models.spack.graph import LANGUAGES
from models.spack.hash_prefix import hash_range
from models.spack.query import LEGACY_COMPILERS, OLD_COMPILERS, Dependency, Flags, Node, Variant
from models.spack.target import satisfying_targets, similar_target, unknown_targets
from models.spack.version import KeyInterval, VersionConstraint
from models.specs.reach import RUN, TO_BUILD, Reach

Json = dict[str, Any]

MAX_RESOLVED = 20_000
MAX_LOOKUPS = 16

_PROVIDES = "virtuals"
"""The field of an entry of a closure with the virtual packages that the dependency provides."""

_ANY: Json = {"name": {"$gte": ""}}
"""A condition that every spec satisfies, along an index."""


class UnanswerableError(UsageError):
    """A query has no answer in what is stored: refused, since an empty answer would be wrong."""


class TooBroadError(UnanswerableError):
    """Too many specs match a dependency for a look-up; its name would narrow it."""


class UnknownTargetError(UnanswerableError):
    """A target was asked for that neither archspec nor a recorded spec knows."""


class VirtualPackageError(UnanswerableError):
    """A virtual package was asked for what only packages have: a version, or specs of its own."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Limits on what `^` matches: dependencies within a reach, and with `direct` only direct ones.

    Without a reach, as in Spack since 1.0: direct ones of any type, and what is reached along link
    and run edges. With `direct`, the edge also has one of the `types`, if there are any.
    """

    reach: Reach | None = None
    direct: bool = False
    types: tuple[str, ...] = ()


async def spec_filter(
    database: Database,
    query: Node,
    narrowing: Narrowing | None = None,
    *,
    seconds: float | None = None,
    refuses_virtual: bool = True,
) -> Json:
    """Return the filter for a query; each look-up may take `seconds`.

    Raise TooBroadError when a dependency matches too many specs, UnknownTargetError for a target
    that is not known, VirtualPackageError for a version of a virtual package, and, with
    `refuses_virtual`, for one that is asked for itself.
    """
    compiler = _Compiler(database, narrowing or Narrowing(), seconds)
    if refuses_virtual and query.name is not None and await compiler.is_virtual(query.name):
        raise VirtualPackageError(
            f"{query.name} is a virtual package: ask for ^{query.name}, which finds what stands on"
            " one of its providers, or for a provider by its name"
        )
    return await compiler.filter(query)


def node_conditions(node: Node) -> list[Json]:
    """Return the conditions of a query on a spec itself, not on dependencies; all must hold.

    Propagated variants are about dependencies too.
    """
    conditions: list[Json] = []
    if node.name is not None:
        conditions.append({"name": node.name})
    if node.version is not None:
        keys = version_conditions(node.version)
        conditions.append(or_query(*({"versionKey": key} for key in keys)))
    fixed = {"namespace": node.namespace, "platform": node.platform, "os": node.os}
    conditions += [
        {name: {"$gte": ""} if value == "*" else value}
        for name, value in fixed.items()
        if value is not None
    ]
    targets = satisfying_targets(node.target) if node.target is not None else None
    if targets is not None:
        conditions.append({"target": {"$in": list(targets)}})
    for variant in node.variants:
        if not variant.propagate:
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
    if isinstance(value, bool):  # old documents may hold it as text
        yield {path: {"$in": [value, str(value), str(value).lower()]}}
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


async def built_with(database: Database, node: Node, *, seconds: float | None = None) -> Json:
    """Return the filter for specs that were built with such a package, or a provider of its name.

    A spliced spec was built as another one, whose closure is `builtWith`. For all other specs, the
    closure at build time is `dependencies`. Raise UnanswerableError, as `spec_filter` does.
    """
    entries = await _Compiler(database, Narrowing(), seconds).entries(node)
    closures = [{"$elemMatch": {**entry, **TO_BUILD.conditions}} for entry in entries]
    spliced = [{"isSpliced": True, "builtWith": closure} for closure in closures]
    plain = [{"isSpliced": False, "dependencies": closure} for closure in closures]
    return or_query(*spliced, *plain)


async def deployed_with(database: Database, node: Node, *, seconds: float | None = None) -> Json:
    """Return the filter for specs that run with such a package, or a provider of its name.

    Raise UnanswerableError, as `spec_filter` does.
    """
    entries = await _Compiler(database, Narrowing(), seconds).entries(node)
    closures = [{"$elemMatch": {**entry, **RUN.conditions}} for entry in entries]
    return or_query(*({"dependencies": closure} for closure in closures))


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

    async def is_virtual(self, name: str) -> bool:
        """Return whether recorded specs know a name, and only as that of a virtual package."""
        for known in ({"name": name}, {"compilers.name": name}):
            if await self._specs.find_one(known, {"_id": 1}) is not None:
                return False
        query = {"dependencies.virtuals": name}
        return await self._specs.find_one(query, {"_id": 1}) is not None

    async def filter(self, node: Node, names: Sequence[str] = ()) -> Json:
        await self._check_target(node.target)
        conditions = node_conditions(replace(node, name=None) if names else node)
        if names:
            conditions.insert(0, {"name": {"$in": list(names)}})
        negative = [variant for variant in node.variants if variant.propagate]
        for variant in negative:
            conditions += await self._propagated(variant)
        if negative or any(dependency.when for dependency in node.dependencies):
            conditions.append(_ANY)  # tombstones lack everything, too
        for dependency in _merged(node.dependencies):
            condition = await self._dependency(dependency)
            if dependency.when is not None:
                unless = {"$nor": [await self.filter(dependency.when)]}
                condition = or_query(unless, condition)
            conditions.append(condition)
        return _all_of(conditions)

    async def _check_target(self, constraint: str | None) -> None:
        for name in unknown_targets(constraint) if constraint is not None else ():
            if await self._specs.find_one({"target": name}, {"_id": 1}) is None:
                near = similar_target(name)
                hint = f"; a similar one is {near}" if near else ""
                raise UnknownTargetError(f"no recorded spec has the target {name[:100]}{hint}")

    async def _propagated(self, variant: Variant) -> list[Json]:
        """Return the conditions that neither a spec nor one below it has another value."""
        query = {
            f"variants.{escape_name(variant.name)}": {"$exists": True},
            "$nor": [and_query(*_variant_conditions(variant))],
        }
        specs = await self._find_resolved(query, f"the opposite of {variant}")
        others: Json = {"_id": {"$nin": sorted(spec["_id"] for spec in specs)}}
        return [
            others,
            *({"dependencies": {"$not": {"$elemMatch": entry}}} for entry in _entries_of(specs)),
        ]

    async def _dependency(self, dependency: Dependency) -> Json:
        """Return the condition that a spec has a dependency.

        The name may be that of the package, of a virtual package that it provides, or, up to format
        4, of a compiler that is not a node.
        """
        node = dependency.node
        names = _names(node.name) if dependency.direct and node.name else ()
        alternatives = [
            self._has_entry(dependency, entry) for entry in await self.entries(node, names)
        ]
        if _may_be_legacy(dependency, self._narrowing):
            alternatives += _legacy_compilers(node)
        return or_query(*alternatives)

    async def entries(self, node: Node, names: Sequence[str] = ()) -> list[Json]:
        """Return conditions on an entry of a closure that is such a package; one must hold.

        The name may be one of `names` instead, or, without a version, that of a virtual package
        that it provides. Raise VirtualPackageError for a version of a virtual package.
        """
        if node.name and node.version and await self.is_virtual(node.name):
            raise VirtualPackageError(
                f"{node.name} is a virtual package, whose versions are not recorded: ask for the"
                f" version of a provider, such as ^{node.name}=<package>@<version>"
            )
        is_plain = node.name is not None and node == Node(name=node.name, version=node.version)
        is_plain = is_plain or node == Node()
        entries = list(_entries(node, names)) if is_plain else await self._resolved(node, names)
        if node.name is not None and node.version is None:
            providers = [{}] if is_plain else await self._resolved(replace(node, name=None), ())
            entries += [{**entry, _PROVIDES: node.name} for entry in providers]
        return entries

    def _has_entry(self, dependency: Dependency, entry: Json) -> Json:
        """Return the condition that the closure has such an entry, reached as the query requires.

        The types and virtuals of a closure entry are those of all edges to the node, also from
        other dependencies, or of those within Spack's reach. For a direct dependency, they must be
        those of the edge from the spec itself, which `edges` has. Spack's reach is two conditions
        that exclude each other, so that each goes along an index and no spec is fetched twice.
        """
        narrowing = self._narrowing
        virtual = [entry[_PROVIDES]] if _PROVIDES in entry else []
        entry = {name: value for name, value in entry.items() if name != _PROVIDES}
        virtuals = [*dependency.virtuals, *virtual]
        types: Json = {"$all": list(dependency.types)} if dependency.types else {}
        if not dependency.direct and narrowing.direct and narrowing.types:
            types["$in"] = list(narrowing.types)
        edge = ({"types": types} if types else {}) | _provides(virtuals)
        if dependency.direct or narrowing.direct:
            return _has_direct(entry, edge, {})
        if narrowing.reach is not None:
            conditions = narrowing.reach.conditions
            return {"dependencies": {"$elemMatch": entry | edge | conditions or _ANY}}
        entry = entry or ({} if virtuals else _ANY)
        reached = and_query({**entry, "scope": "run", **edge}, *_reached(edge))
        run: Json = {"dependencies": {"$elemMatch": reached}}
        return or_query(run, _has_direct(entry, edge, {"scope": {"$in": ["build", "test"]}}))

    async def _resolved(self, node: Node, names: Sequence[str]) -> list[Json]:
        """Return conditions on a closure entry, by hash, for all specs that match a query."""
        return _entries_of(await self._find_resolved(await self.filter(node, names), str(node)))

    async def _find_resolved(self, query: Json, what: str) -> list[Json]:
        """Return `_id` and hash of the specs that match a query; raise TooBroadError."""
        self._lookups += 1
        if self._lookups > MAX_LOOKUPS:
            raise TooBroadError(f"more than {MAX_LOOKUPS} dependencies with attributes")
        specs = await self._specs.find(
            query, {"hash": 1}, limit=MAX_RESOLVED + 1, seconds=self._seconds
        )
        if len(specs) > MAX_RESOLVED:
            raise TooBroadError(f"more than {MAX_RESOLVED} specs match {what}: state the name")
        return specs


def _entries_of(specs: Sequence[Json]) -> list[Json]:
    """Return conditions on an entry of a closure that is one of some specs; one must hold."""
    plain = sorted({spec["hash"] for spec in specs if spec["_id"] == spec["hash"]})
    others = sorted({spec["_id"] for spec in specs if spec["_id"] != spec["hash"]})
    hashes = sorted({spec["hash"] for spec in specs if spec["_id"] != spec["hash"]})
    entries: list[Json] = [{"hash": {"$in": plain}, "id": None}] if plain else []
    return entries + ([{"hash": {"$in": hashes}, "id": {"$in": others}}] if others else [])


def _merged(dependencies: Sequence[Dependency]) -> list[Dependency]:
    try:
        return merge_clauses(dependencies)
    except ConflictError as error:
        raise UnanswerableError(str(error)) from None


def _has_direct(entry: Json, edge: Json, scope: Json) -> Json:
    """Return the condition for a direct dependency, of a scope, whose own edge is as required."""
    provides = {name: value for name, value in edge.items() if name == "virtuals"}
    direct = {**entry, **scope, "direct": True, **provides}
    condition: Json = {"dependencies": {"$elemMatch": direct}}
    return {**condition, "edges": {"$elemMatch": entry | edge}} if edge else condition


def _reached(edge: Json) -> Iterator[Json]:
    """Yield conditions on the edges within reach, which an entry has only where they differ."""
    for name, condition in edge.items():
        field = f"reach{name.capitalize()}"
        yield {"$or": [{field: None}, {field: condition}]}


def _provides(virtuals: Sequence[str]) -> Json:
    return {"virtuals": {"$all": list(virtuals)}} if virtuals else {}


def _names(name: str) -> list[str]:
    """Return the names of a compiler, old and new; for another package only its name."""
    old = [legacy for legacy, new in LEGACY_COMPILERS.items() if new == name]
    return list(dict.fromkeys([name, LEGACY_COMPILERS.get(name, name), *old]))


def _may_be_legacy(dependency: Dependency, narrowing: Narrowing) -> bool:
    """Return whether a compiler of which only name and version are known may satisfy a dependency.

    As in Spack, it is a direct dependency of type build that provides all languages.
    """
    node = dependency.node
    asks_no_more = replace(node, namespace=None) == Node(name=node.name, version=node.version)
    is_build = {"build"}.issuperset(dependency.types)
    if not dependency.direct:
        old = {None, *LANGUAGES, *OLD_COMPILERS}
        is_build = is_build and not old.isdisjoint(_names(node.name) if node.name else [None])
        is_build = is_build and (narrowing.reach is None or narrowing.reach.follows({"build"}))
        is_build = is_build and ("build" in narrowing.types or not narrowing.types)
    return (
        is_build
        and asks_no_more
        and node.namespace in {None, "builtin"}
        and set(LANGUAGES).issuperset(dependency.virtuals)
    )


def _legacy_compilers(node: Node) -> Iterator[Json]:
    """Yield conditions for a compiler of formats 1 to 4; the name may be that of a language."""
    asked = Node() if node.name in LANGUAGES and node.version is None else node
    for entry in _entries(asked, _names(asked.name) if asked.name else ()):
        yield {"compilers": {"$elemMatch": {**entry, "hash": None}}}
