"""Queries for the builds of specs, and for the executions that used them, in Spack's syntax."""

from collections.abc import Sequence
from typing import Any

from api.http.errors import bad_value
from api.specs.spack_syntax import SECONDS, parse_spec, query_of_spec
from models.database.client import Database
from models.database.queries import NOTHING, and_query, or_query
from models.spack.hash_prefix import hash_range
from models.spack.query import Dependency, Node
from models.specs.reach import RUN, TO_BUILD, Reach
from models.specs.search import Narrowing, version_conditions

Query = dict[str, Any]
Role = str | Query | None
"""A role of links between executions and specs, or a condition on it; None is any role."""

MAX_SPECS = 20_000
"""How many specs a filter may list."""

_LINKED: list[Query] = [
    {"$match": {"specs.hash": {"$gte": ""}}},
    {"$unwind": "$specs"},
    {"$group": {"_id": "$specs.id"}},
]
_BUILT = "built_with"


async def builds_matching(database: Database, parameter: str, text: str) -> Query:
    """Return the query for the builds of matching specs.

    Queries for only a name, version or hash also find builds whose spec is not recorded.
    """
    node = parse_spec(parameter, text)
    plain = Node(name=node.name, version=node.version, hash=node.hash)
    if node == plain and plain != Node():
        return _plain_builds(plain)
    specs = await find_specs(database, parameter, node)
    hashes = sorted({spec_hash for spec in specs for spec_hash in spec["hashes"]})
    return {"specHash": {"$in": hashes}}


def _plain_builds(node: Node) -> Query:
    """Return the query for builds by the name, version and hash that they state themselves."""
    queries: list[Query] = []
    if node.name is not None:
        queries.append({"name": node.name})
    if node.version is not None:
        keys = version_conditions(node.version)
        queries.append(or_query(*({"versionKey": key} for key in keys)))
    if node.hash is not None:
        queries.append({"specHash": hash_range(node.hash)})
    return and_query(*queries)


async def executions_using(database: Database, parameter: str, text: str) -> Query:
    """Return the query for the executions that are linked with a matching spec."""
    search = _spec_itself(parse_spec(parameter, text))
    return await _executions(database, parameter, [search], refuses_virtual=True)


async def executions_depending_on(
    database: Database, parameter: str, text: str, reach: Reach | None
) -> Query:
    """Return the query for the executions linked with a matching spec, or with one that needs it.

    Without a reach, it is that of Spack's `^`.
    """
    node = parse_spec(parameter, text)
    return await _executions(
        database, parameter, [_spec_itself(node), _dependents(node, Narrowing(reach))]
    )


async def executions_built_with(database: Database, parameter: str, text: str) -> Query:
    """Return the query for the executions that were built with a matching spec.

    Either that is stated for them, or a spec that they ran on was built with it.
    """
    node = parse_spec(parameter, text)
    derived = await _executions(database, parameter, [_dependents(node, Narrowing(TO_BUILD))])
    stated = await _executions(database, parameter, [_spec_itself(node)], role=_BUILT)
    return or_query(derived, stated)


async def executions_deployed_with(database: Database, parameter: str, text: str) -> Query:
    """Return the query for the executions that ran on a matching spec, or on one that runs with it.

    A spec that is only stated as what they were built with does not count.
    """
    node = parse_spec(parameter, text)
    searches = [_spec_itself(node), _dependents(node, Narrowing(RUN))]
    return await _executions(database, parameter, searches, role={"$ne": _BUILT})


Search = tuple[Node, Narrowing | None]
"""A query for specs, and how far its dependencies reach."""


def _spec_itself(node: Node) -> Search:
    return node, None


def _dependents(node: Node, narrowing: Narrowing) -> Search:
    return Node(dependencies=(Dependency(node, direct=False),)), narrowing


async def executions_of_dependents(database: Database, hashes: Sequence[str]) -> Query:
    """Return the query for the executions that ran on specs that need one of these to run."""
    entry = {"hash": {"$in": list(hashes)}, "scope": "run"}
    return await _executions_of(database, {"dependencies": {"$elemMatch": entry}}, None)


async def _executions(
    database: Database,
    parameter: str,
    searches: Sequence[Search],
    role: Role = None,
    *,
    refuses_virtual: bool = False,
) -> Query:
    """Return the query for the executions of the specs that any of the searches finds.

    What needs a virtual package can be found although no spec is one; `refuses_virtual` is for
    searches that could only find such a spec.
    """
    filters = [
        await query_of_spec(database, parameter, *search, refuses_virtual=refuses_virtual)
        for search in searches
    ]
    return await _executions_of(database, or_query(*filters), role)


async def _executions_of(database: Database, query: Query, role: Role) -> Query:
    """Return the query for the executions of all specs that a query matches, however many."""
    specs = await _find(database, query, MAX_SPECS + 1)
    if len(specs) > MAX_SPECS:
        # Of these only the linked ones matter, which are few.
        linked = {"_id": {"$in": await _linked_spec_ids(database)}}
        specs = await _find(database, and_query(query, linked))
    return executions_linked_to(specs, role)


def executions_linked_to(specs: Sequence[Query], role: Role = None) -> Query:
    """Return the query for the executions that are linked with any of these specs."""
    if not specs:
        return NOTHING
    link: Query = {
        "hash": {"$in": sorted({spec["hash"] for spec in specs})},
        "id": {"$in": sorted(spec["_id"] for spec in specs)},
    }
    return {"specs": {"$elemMatch": link if role is None else {**link, "role": role}}}


async def find_specs(database: Database, parameter: str, node: Node) -> list[Query]:
    """Return ids and hashes of the matching specs; a 422 when there are too many."""
    specs = await _find(database, await query_of_spec(database, parameter, node), MAX_SPECS + 1)
    if len(specs) > MAX_SPECS:
        raise bad_value(parameter, f"more than {MAX_SPECS:,} specs match; narrow the query")
    return specs


async def _find(database: Database, query: Query, limit: int = 0) -> list[Query]:
    return await database.specs.find(query, {"hash": 1, "hashes": 1}, limit=limit, seconds=SECONDS)


async def _linked_spec_ids(database: Database) -> list[str]:
    """Return the ids of all specs that any execution is linked with; few, compared to all specs."""
    groups = await database.executions.aggregate(_LINKED, hint="specs", seconds=SECONDS)
    return sorted(group["_id"] for group in groups)
