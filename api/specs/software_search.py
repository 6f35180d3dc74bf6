"""What a query in Spack's syntax finds: builds of such specs, and executions that ran on them."""

from collections.abc import Sequence
from typing import Any

from api.http.errors import bad_value
from api.specs.spack_syntax import SECONDS, parse_spec, query_of_spec
from models.database.client import Database
from models.database.queries import NOTHING, and_query, or_query
from models.spack.hash_prefix import hash_range
from models.spack.query import Dependency, Node
from models.specs.search import (
    Narrowing,
    version_conditions,
)

Query = dict[str, Any]
Role = str | Query | None
"""A role of links, or a condition on it; None is any."""

MOST_SPECS = 20_000

_LINKED: list[Query] = [
    {"$match": {"specs.hash": {"$gte": ""}}},
    {"$unwind": "$specs"},
    {"$group": {"_id": "$specs.id"}},
]
_BUILT = "built_with"


async def builds_of(database: Database, parameter: str, text: str) -> Query:
    """Return the query for the builds of the specs that a query finds.

    Name, version and hash are known of builds whose spec is not recorded, too.
    """
    node = parse_spec(parameter, text)
    plain = Node(name=node.name, version=node.version, hash=node.hash)
    if node == plain and plain != Node():
        return _plain_builds(plain)
    specs = await find_specs(database, parameter, node)
    hashes = sorted({own for spec in specs for own in spec["hashes"]})
    return {"specHash": {"$in": hashes}}


def _plain_builds(node: Node) -> Query:
    found: list[Query] = []
    if node.name is not None:
        found.append({"name": node.name})
    if node.version is not None:
        found.append(or_query(*({"versionKey": key} for key in version_conditions(node.version))))
    if node.hash is not None:
        found.append({"specHash": hash_range(node.hash)})
    return and_query(*found)


async def executions_using(database: Database, parameter: str, text: str) -> Query:
    """Return the query for the executions that are linked with a spec which a query finds."""
    return await _executions(database, parameter, [_spec_itself(parse_spec(parameter, text))])


async def executions_depending_on(database: Database, parameter: str, text: str) -> Query:
    """Return the query for the executions whose linked specs are such, or run with one that is."""
    node = parse_spec(parameter, text)
    return await _executions(
        database, parameter, [_spec_itself(node), _dependents(node, Narrowing("run"))]
    )


async def executions_built_with(database: Database, parameter: str, text: str) -> Query:
    """Return the query for the executions of which such a spec is stated as what they were built
    with, or that ran on specs which were built with one.
    """
    node = parse_spec(parameter, text)
    above = await _executions(database, parameter, [_dependents(node, Narrowing("build"))])
    stated = await _executions(database, parameter, [_spec_itself(node)], role=_BUILT)
    return or_query(above, stated)


async def executions_deployed_with(database: Database, parameter: str, text: str) -> Query:
    """Return the query for the executions that ran on such a spec, or on one that runs with it.

    What is only stated to have built them does not count.
    """
    node = parse_spec(parameter, text)
    searches = [_spec_itself(node), _dependents(node, Narrowing("run"))]
    return await _executions(database, parameter, searches, role={"$ne": _BUILT})


Search = tuple[Node, Narrowing | None]


def _spec_itself(node: Node) -> Search:
    return node, None


def _dependents(node: Node, narrowing: Narrowing) -> Search:
    return Node(dependencies=(Dependency(node, direct=False),)), narrowing


async def executions_below(database: Database, hashes: Sequence[str]) -> Query:
    """Return the query for the executions that ran on specs which need one of these to run."""
    entry = {"hash": {"$in": list(hashes)}, "scope": "run"}
    return await _executions_of(database, {"dependencies": {"$elemMatch": entry}}, None)


async def _executions(
    database: Database, parameter: str, searches: Sequence[Search], role: Role = None
) -> Query:
    filters = [await query_of_spec(database, parameter, *search) for search in searches]
    return await _executions_of(database, or_query(*filters), role)


async def _executions_of(database: Database, query: Query, role: Role) -> Query:
    """Return the query for the executions of all specs that a query finds, however many."""
    specs = await _find(database, query, MOST_SPECS + 1)
    if len(specs) > MOST_SPECS:
        specs = await _find(database, and_query(query, {"_id": {"$in": await _linked(database)}}))
    return executions_on(specs, role)


def executions_on(specs: Sequence[Query], role: Role = None) -> Query:
    """Return the query for the executions that are linked with one of these specs."""
    if not specs:
        return NOTHING
    link: Query = {
        "hash": {"$in": sorted({spec["hash"] for spec in specs})},
        "id": {"$in": sorted(spec["_id"] for spec in specs)},
    }
    return {"specs": {"$elemMatch": link if role is None else {**link, "role": role}}}


async def find_specs(database: Database, parameter: str, node: Node) -> list[Query]:
    """Return ids and hashes of the specs that a query finds; a 422 when they are too many."""
    specs = await _find(database, await query_of_spec(database, parameter, node), MOST_SPECS + 1)
    if len(specs) > MOST_SPECS:
        raise bad_value(parameter, f"more than {MOST_SPECS:,} specs are such: ask for less")
    return specs


async def _find(database: Database, query: Query, limit: int = 0) -> list[Query]:
    return await database.specs.find(query, {"hash": 1, "hashes": 1}, limit=limit, seconds=SECONDS)


async def _linked(database: Database) -> list[str]:
    """Return the ids of all specs that any execution is linked with: few beside all specs."""
    found = await database.executions.aggregate(_LINKED, hint="specs", seconds=SECONDS)
    return sorted(group["_id"] for group in found)
