"""The query parameters that find specs in Spack's syntax: `q`, and others for parts of it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from api.http.errors import bad_value
from api.specs.spack_syntax import SECONDS, parse_spec, query_of_spec
from models.database.client import Database
from models.database.queries import and_query
from models.spack.graph import DEPENDENCY_TYPES
from models.spack.query import VIRTUAL_NAME, Dependency, Node
from models.specs.reach import Reach, UnansweredReachError, reach_of
from models.specs.search import (
    Narrowing,
    UnanswerableError,
    built_with,
    compiled_with,
    deployed_with,
)

Query = dict[str, Any]

_ARCHITECTURE = re.compile(r"[A-Za-z0-9_.:,-]+")

PARAMETERS: Mapping[str, tuple[str, str]] = {
    "q": ("Specs that match this, in Spack's syntax.", "hdf5@1.12: +mpi ^zlib@:1.2.12"),
    "compiler": ("Compiled by this compiler, optionally with a version.", "gcc@12:"),
    "dependency": (
        "Depends on a matching spec, in Spack's syntax; given several times: on all of them.",
        "zlib@:1.2.12",
    ),
    "virtual": ("Depends on a provider of this virtual package.", "mpi"),
    "arch": ("The architecture: `platform-os-target`, or a target.", "linux-debian12-zen3"),
    "deptype": (
        (
            "How far `^`, `dependency` and `virtual` reach: `link,run` for what is needed to run;"
            " `build,link,run` for what is needed to build as well; `all` for everything below;"
            " `link`, `run`, `build` or `test` for what is reached along such edges alone. The"
            " default is direct dependencies of any type, and what is reached along link and run"
            " edges."
        ),
        "link,run",
    ),
    "direct": (
        (
            "Whether these only reach direct dependencies, on edges of the types in"
            " `deptype` if that is given."
        ),
        "true",
    ),
    "builtWith": ("Built with a matching spec, in Spack's syntax.", "zlib@1.2.11"),
    "deployedWith": ("Runs with a matching spec, in Spack's syntax.", "zlib@1.3"),
}
"""The parameters that are not fields of a spec, with description and example."""

REPEATABLE = frozenset({"dependency", "virtual"})
_CLOSURES = {
    "builtWith": built_with,
    "deployedWith": deployed_with,
}


async def build_spec_query(database: Database, parameters: Sequence[tuple[str, str]]) -> Query:
    """Return the query for all the parameters together; a 422 names one that is invalid."""
    values = dict(parameters)
    types = parse_dependency_types(values.get("deptype"))
    direct = _parse_direct(values.get("direct"))
    reach = None if direct else parse_closure(values.get("deptype"))
    narrowing = Narrowing(reach, direct, types)
    queries = []
    for name, text in parameters:
        if name == "compiler":
            queries.append(compiled_with(_parse_package(name, text)))
        elif name in _CLOSURES:
            queries.append(await _closure_query(database, name, parse_spec(name, text)))
        elif name not in {"deptype", "direct"}:
            queries.append(await query_of_spec(database, name, _parse_node(name, text), narrowing))
    return and_query(*queries)


async def _closure_query(database: Database, name: str, node: Node) -> Query:
    try:
        return await _CLOSURES[name](database, node, seconds=SECONDS)
    except UnanswerableError as error:
        raise bad_value(name, str(error)) from None


def parse_dependency_types(text: str | None) -> tuple[str, ...]:
    """Return the dependency types that `deptype` lists; a 422 when one is unknown.

    `all` and nothing are (), which includes edges without a type.
    """
    types = tuple(text.split(",")) if text is not None and text != "all" else ()
    if not set(types) <= set(DEPENDENCY_TYPES):
        raise bad_value("deptype", f"the types are {', '.join(DEPENDENCY_TYPES)}, or all")
    return types


def parse_closure(text: str | None) -> Reach | None:
    """Return the reach that `deptype` names, None without one; a 422 for one that is not stored."""
    if text is None:
        return None
    reach = reach_of(parse_dependency_types(text))
    try:
        _ = reach.conditions
    except UnansweredReachError as error:
        raise bad_value("deptype", str(error)) from None
    return reach


def _parse_node(name: str, text: str) -> Node:
    """Return what a parameter requires of a spec; a 422 when it is invalid."""
    if name == "arch":
        if _ARCHITECTURE.fullmatch(text) is None:
            raise bad_value(name, "it must be platform-os-target, or a target")
        return parse_spec(name, f"arch={text}")
    if name == "virtual":
        if VIRTUAL_NAME.fullmatch(text) is None:
            raise bad_value(name, "it must be the name of a virtual package, such as mpi")
        return Node(dependencies=(Dependency(Node(), direct=False, virtuals=(text,)),))
    node = parse_spec(name, text)
    return Node(dependencies=(Dependency(node, direct=False),)) if name == "dependency" else node


def _parse_package(name: str, text: str) -> Node:
    """Return a package with at most a version; a 422 for anything else."""
    node = parse_spec(name, text)
    if node.name is None or node != Node(name=node.name, version=node.version):
        raise bad_value(name, "it must be a name, optionally with a version: gcc@12:")
    return node


def _parse_direct(text: str | None) -> bool:
    if text not in (None, "true", "false"):
        raise bad_value("direct", "it must be true or false")
    return text == "true"
