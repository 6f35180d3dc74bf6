"""A query in Spack's syntax, compiled to a filter over the collection of specs.

What a query asks of the spec itself, and name, version, types and virtuals of its dependencies,
is in its own document. Whatever else is asked of a dependency (`^hdf5 +mpi`) takes a look-up first:
which specs are such, and then, whose closures hold one of these. What queries mean is said by
`tests.models.spack.evaluate`, which goes by the graph alone.
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

MOST_RESOLVED = 20_000
MOST_LOOKUPS = 16

_ANY: Json = {"name": {"$gte": ""}}


class TooBroadError(UsageError):
    """So many specs are such a dependency that they cannot be looked up: ask for its name."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """How far `^` reaches: `scope` says along which edges, `direct` only to the next node.

    Then the edge to it has one of the `types`, if any are named.
    """

    scope: Scope = "test"
    direct: bool = False
    types: tuple[str, ...] = ()

    @property
    def conditions(self) -> Json:
        """What an entry of a closure is, beside what is asked of the node."""
        scopes = SCOPES[self.scope]
        return {} if self.scope == "test" else {"scope": {"$in": list(scopes)}}


async def spec_filter(
    database: Database,
    query: Node,
    narrowing: Narrowing | None = None,
    *,
    seconds: float | None = None,
) -> Json:
    """Return the filter of a query; TooBroadError when a dependency is asked for too vaguely.

    Each look-up may take `seconds`.
    """
    compiler = _Compiler(database, narrowing or Narrowing(), seconds)
    return await compiler.filter(query)


def node_conditions(node: Node) -> list[Json]:
    """Return what a query asks of a spec itself, not of its dependencies; all must hold."""
    found: list[Json] = []
    if node.name is not None:
        found.append({"name": node.name})
    if node.version is not None:
        found.append(or_query(*({"versionKey": key} for key in version_conditions(node.version))))
    fixed = {"namespace": node.namespace, "platform": node.platform, "os": node.os}
    found += [{name: value} for name, value in fixed.items() if value is not None]
    targets = satisfying_targets(node.target) if node.target is not None else None
    if targets is not None:
        found.append({"target": {"$in": list(targets)}})
    for variant in node.variants:
        found += _variant_conditions(variant)
    found += [condition for flags in node.flags for condition in _flag_conditions(flags)]
    if node.hash is not None:
        found.append({"hashes": {"$elemMatch": hash_range(node.hash)}})
    return found


def version_conditions(constraint: VersionConstraint) -> list[Json]:
    """Return the ranges of version keys that satisfy a constraint, one of which must hold."""
    return [_interval(interval) for interval in constraint.intervals]


def _all_of(conditions: Sequence[Json]) -> Json:
    """Return the query that all conditions make together, along an index even if there are none.

    Documents that hold a file's frame only have hashes, but are no specs.
    """
    is_of_spec = any(key != "hashes" for condition in conditions for key in condition)
    return and_query(*conditions) if is_of_spec else and_query(*conditions, _ANY)


def _interval(interval: KeyInterval) -> Json:
    found: Json = {"$gte": interval.low}
    if interval.high is not None:
        found["$lt"] = interval.high
    if interval.suffix:
        found["$regex"] = f"{re.escape(interval.suffix)}$"
    return found


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
    if variant.exact and isinstance(value, tuple):
        yield {f"{path}.{len(value)}": {"$exists": False}}
        if len(value) > 1:
            yield {f"{path}.{len(value) - 1}": {"$exists": True}}


def _flag_conditions(flags: Flags) -> Iterator[Json]:
    if flags.values:
        yield {f"flags.{flags.name}": {"$all": list(flags.values)}}


def built_with(node: Node) -> Json:
    """Return the filter of specs whose build stood on a package: by name and version.

    A spliced spec was built as another one; of all others, the closure is that of the build.
    """
    narrowing = Narrowing("build").conditions
    closures = [{"$elemMatch": {**entry, **narrowing}} for entry in _entries(node)]
    spliced = [{"isSpliced": True, "builtWith": closure} for closure in closures]
    plain = [{"isSpliced": False, "dependencies": closure} for closure in closures]
    return or_query(*spliced, *plain)


def deployed_with(node: Node) -> Json:
    """Return the filter of specs that run with a package: by name and version."""
    narrowing = Narrowing("run").conditions
    return or_query(
        *({"dependencies": {"$elemMatch": {**entry, **narrowing}}} for entry in _entries(node))
    )


def compiled_with(node: Node) -> Json:
    """Return the filter of specs that a compiler has compiled: by name, old or new, and version."""
    names = _names(node.name) if node.name else ()
    return or_query(*({"compilers": {"$elemMatch": entry}} for entry in _entries(node, names)))


def _entries(node: Node, names: Sequence[str] = ()) -> Iterator[Json]:
    """Give what an entry of a closure can be, by name and version."""
    entry: Json = {}
    if node.name is not None:
        entry["name"] = {"$in": list(names)} if len(names) > 1 else node.name
    if node.version is None:
        yield entry
    else:
        yield from (entry | {"versionKey": key} for key in version_conditions(node.version))


class _Compiler:
    """Compiles one query; `_lookups` counts how often it has asked the database."""

    def __init__(self, database: Database, narrowing: Narrowing, seconds: float | None) -> None:
        self._specs = database.specs
        self._narrowing = narrowing
        self._seconds = seconds
        self._lookups = 0

    async def filter(self, node: Node, names: Sequence[str] = ()) -> Json:
        conditions = node_conditions(replace(node, name=None) if names else node)
        if names:
            conditions.insert(0, {"name": {"$in": list(names)}})
        for wanted in node.dependencies:
            conditions.append(await self._dependency(wanted))
        return _all_of(conditions)

    async def _dependency(self, wanted: Dependency) -> Json:
        node = wanted.node
        names = _names(node.name) if wanted.direct and node.name else ()
        is_plain = node.name is not None and node == Node(name=node.name, version=node.version)
        is_plain = is_plain or node == Node()
        entries = list(_entries(node, names)) if is_plain else await self._resolved(node, names)
        found = [self._held(wanted, entry) for entry in entries]
        if node.name is not None and node.version is None:
            entries = [{}] if is_plain else await self._resolved(replace(node, name=None), ())
            found += [self._held(wanted, entry, node.name) for entry in entries]
        if is_plain and wanted.direct and _may_be_legacy(wanted):
            legacy = [{**entry, "hash": None} for entry in _entries(node, names)]
            found += [{"compilers": {"$elemMatch": entry}} for entry in legacy]
        return or_query(*found)

    def _held(self, wanted: Dependency, entry: Json, virtual: str | None = None) -> Json:
        """Return that a closure holds such an entry, on edges as they are wanted."""
        narrowing = self._narrowing
        virtuals = [*wanted.virtuals, *([virtual] if virtual else [])]
        types: Json = {"$all": list(wanted.types)} if wanted.types else {}
        if not wanted.direct and narrowing.direct and narrowing.types:
            types["$in"] = list(narrowing.types)
        kinds = ({"types": types} if types else {}) | _virtual(virtuals)
        if not wanted.direct and not narrowing.direct:
            narrow = narrowing.conditions
            return {
                "dependencies": {"$elemMatch": entry | kinds | narrow or {"name": {"$gte": ""}}}
            }
        held: Json = {
            "dependencies": {"$elemMatch": {**entry, "direct": True} | _virtual(virtuals)}
        }
        return {**held, "edges": {"$elemMatch": entry | kinds}} if kinds else held

    async def _resolved(self, node: Node, names: Sequence[str]) -> list[Json]:
        """Return what entries of closures are, by hash, for all specs that a query finds."""
        self._lookups += 1
        if self._lookups > MOST_LOOKUPS:
            raise TooBroadError(f"more than {MOST_LOOKUPS} dependencies with attributes")
        query = await self.filter(node, names)
        found = await self._specs.find(
            query, {"hash": 1}, limit=MOST_RESOLVED + 1, seconds=self._seconds
        )
        if len(found) > MOST_RESOLVED:
            raise TooBroadError(f"more than {MOST_RESOLVED} specs are {node}: ask for the name")
        plain = sorted({spec["hash"] for spec in found if spec["_id"] == spec["hash"]})
        others = sorted({spec["_id"] for spec in found if spec["_id"] != spec["hash"]})
        hashes = sorted({spec["hash"] for spec in found if spec["_id"] != spec["hash"]})
        entries: list[Json] = [{"hash": {"$in": plain}, "id": None}] if plain else []
        return entries + ([{"hash": {"$in": hashes}, "id": {"$in": others}}] if others else [])


def _virtual(virtuals: Sequence[str]) -> Json:
    return {"virtuals": {"$all": list(virtuals)}} if virtuals else {}


def _names(name: str) -> list[str]:
    """Return the names that a compiler goes by, old and new; of other packages their own."""
    old = [each for each, new in LEGACY_COMPILERS.items() if new == name]
    return list(dict.fromkeys([name, LEGACY_COMPILERS.get(name, name), *old]))


def _may_be_legacy(wanted: Dependency) -> bool:
    """Tell whether a compiler of which only name and version are known can be what is wanted."""
    return {"build"}.issuperset(wanted.types) and set(LANGUAGES).issuperset(wanted.virtuals)
