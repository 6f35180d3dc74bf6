"""What specs are asked for in Spack's syntax: by `q`, and by parameters for a part of it each."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.http.errors import bad_value
from api.specs.spack_syntax import parse_spec, query_of_spec
from models.database.client import Database
from models.database.queries import and_query
from models.spack.graph import DEPENDENCY_TYPES
from models.spack.query import VIRTUAL_NAME, Dependency, Node
from models.specs.search import (
    Narrowing,
    built_with,
    compiled_with,
    deployed_with,
)
from models.specs.spec import Scope

Query = dict[str, Any]

_ARCHITECTURE = re.compile(r"[A-Za-z0-9_.:,-]+")

QUESTIONS: Mapping[str, tuple[str, str]] = {
    "q": ("Specs such as this, in Spack's syntax.", "hdf5@1.12: +mpi ^zlib@:1.2.12"),
    "compiler": ("Compiled by this compiler, perhaps of a version.", "gcc@12:"),
    "dependency": (
        "Stands on such a spec, in Spack's syntax; several times: on all of them.",
        "zlib@:1.2.12",
    ),
    "virtual": ("Stands on what provides this virtual package for something.", "mpi"),
    "arch": ("The architecture: `platform-os-target`, or a target.", "linux-debian12-zen3"),
    "deptype": (
        (
            "How far `^` and `dependency` reach: `link,run` for what is needed to run, with"
            " `build` all that is needed to build; all without it."
        ),
        "link,run",
    ),
    "direct": (
        (
            "Whether `^` and `dependency` only reach direct dependencies; on edges of the types of"
            " `deptype`, if that is given."
        ),
        "true",
    ),
    "builtWith": ("Built with such a package: its name, perhaps a version.", "zlib@1.2.11"),
    "deployedWith": ("Runs with such a package: its name, perhaps a version.", "zlib@1.3"),
}
"""The parameters that are no fields, with description and example."""

REPEATABLE = frozenset({"dependency", "virtual"})
_CLOSURES: Mapping[str, Callable[[Node], Query]] = {
    "compiler": compiled_with,
    "builtWith": built_with,
    "deployedWith": deployed_with,
}


async def spec_query(database: Database, given: Sequence[tuple[str, str]]) -> Query:
    """Return the query that the parameters make together; a 422 says where one makes no sense."""
    told = dict(given)
    types = read_types(told.get("deptype"))
    narrowing = Narrowing(scope_of(types), _read_switch(told.get("direct")), types)
    found = []
    for name, text in given:
        if name in _CLOSURES:
            found.append(_CLOSURES[name](_named_node(name, text)))
        elif name not in {"deptype", "direct"}:
            found.append(await query_of_spec(database, name, _node(name, text), narrowing))
    return and_query(*found)


def read_types(text: str | None) -> tuple[str, ...]:
    """Return the types of dependencies that a parameter names; a 422 when there are no such."""
    types = tuple(text.split(",")) if text is not None else ()
    if not set(types) <= set(DEPENDENCY_TYPES):
        raise bad_value("deptype", f"there are {', '.join(DEPENDENCY_TYPES)}")
    return types


def scope_of(types: Sequence[str]) -> Scope:
    """Return how far dependencies of these types reach: link and run are one."""
    if not types or "test" in types:
        return "test"
    return "build" if "build" in types else "run"


def _node(name: str, text: str) -> Node:
    if name == "arch":
        if _ARCHITECTURE.fullmatch(text) is None:
            raise bad_value(name, "platform-os-target, or a target")
        return parse_spec(name, f"arch={text}")
    if name == "virtual":
        if VIRTUAL_NAME.fullmatch(text) is None:
            raise bad_value(name, "the name of a virtual package: mpi")
        return Node(dependencies=(Dependency(Node(), direct=False, virtuals=(text,)),))
    node = parse_spec(name, text)
    return Node(dependencies=(Dependency(node, direct=False),)) if name == "dependency" else node


def _named_node(name: str, text: str) -> Node:
    node = parse_spec(name, text)
    if node.name is None or node != Node(name=node.name, version=node.version):
        raise bad_value(name, "a name, perhaps with a version: gcc@12:")
    return node


def _read_switch(text: str | None) -> bool:
    if text not in (None, "true", "false"):
        raise bad_value("direct", "neither true nor false")
    return text == "true"
