"""The lookup parameters of executions: the software that they ran on, in Spack's syntax."""

from api.lists.lookups import Lookup, separate_lookups
from api.specs.software_search import (
    executions_built_with,
    executions_depending_on,
    executions_deployed_with,
    executions_using,
)

EXECUTION_LOOKUPS = separate_lookups(
    {
        Lookup(
            "software",
            "Executions that ran on such a spec, in Spack's syntax.",
            "netcdf-c@4.4: %intel",
        ): executions_using,
        Lookup(
            "dependsOn",
            "Executions that ran on such a spec, directly or beneath what they loaded, along link"
            " and run dependencies.",
            "zlib@:1.2.12",
        ): executions_depending_on,
        Lookup(
            "builtWith",
            "Executions that were built with such a spec: it is stated of them, or what they ran"
            " on was built with it.",
            "cmake@3.20:",
        ): executions_built_with,
        Lookup(
            "deployedWith",
            "Executions that ran on such a spec, directly or beneath; a spec of which it is only"
            " stated that they were built with it does not count.",
            "zlib@1.3",
        ): executions_deployed_with,
    }
)
