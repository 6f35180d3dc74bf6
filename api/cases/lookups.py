"""The lookup parameters of executions: the software they ran on, in Spack's syntax."""

from collections.abc import Mapping
from functools import partial

from api.http.errors import bad_parameter
from api.lists.lookups import Finder, Lookup, Lookups, Parameters, separate_lookups
from api.specs.query_parameters import parse_closure
from api.specs.software_search import (
    Query,
    executions_built_with,
    executions_depending_on,
    executions_deployed_with,
    executions_using,
)
from models.database.client import Database

_DEPENDS_ON = Lookup(
    "dependsOn",
    "Executions that ran on a matching spec, or on one that depends on it. How far this reaches is"
    " what `^` means in Spack, or `deptype`.",
    "zlib@:1.2.12",
)
_DEPTYPE = Lookup(
    "deptype",
    "How far `dependsOn` reaches: `link,run` for what is needed to run, `build,link,run` for what"
    " is needed to build as well, `all` for everything below, or a single type.",
    "link,run",
)
_SEPARATE: Mapping[Lookup, Finder] = {
    Lookup(
        "software",
        "Executions that ran on a matching spec, in Spack's syntax.",
        "netcdf-c@4.4: %intel",
    ): executions_using,
    Lookup(
        "builtWith",
        "Executions that were built with a matching spec: it is stated for them, or a spec that"
        " they ran on was built with it.",
        "cmake@3.20:",
    ): executions_built_with,
    Lookup(
        "deployedWith",
        "Executions that ran on a matching spec, directly or as a dependency; a spec that is"
        " only stated as what they were built with does not count.",
        "zlib@1.3",
    ): executions_deployed_with,
}


async def _find(database: Database, parameters: Parameters) -> Query:
    names = {name for name, _ in parameters}
    if "deptype" in names and "dependsOn" not in names:
        raise bad_parameter("deptype", "It says how far dependsOn= reaches: ask with both.")
    reach = parse_closure(dict(parameters).get("deptype"))
    depending = partial(executions_depending_on, reach=reach)
    lookups = separate_lookups({**_SEPARATE, _DEPENDS_ON: depending})
    others = [(name, text) for name, text in parameters if name != "deptype"]
    return await lookups.find(database, others)


EXECUTION_LOOKUPS = Lookups((*_SEPARATE, _DEPENDS_ON, _DEPTYPE), _find)
