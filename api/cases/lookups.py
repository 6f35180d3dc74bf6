"""The lookup parameters of executions: the software they ran on, in Spack's syntax."""

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
            "Executions that ran on a matching spec, in Spack's syntax.",
            "netcdf-c@4.4: %intel",
        ): executions_using,
        Lookup(
            "dependsOn",
            "Executions that ran on a matching spec, directly or as a link or run dependency of"
            " what they loaded.",
            "zlib@:1.2.12",
        ): executions_depending_on,
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
)
