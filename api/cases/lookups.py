"""The lookup parameters of executions: the software that they ran on, in Spack's syntax."""

from api.lists.lookups import Lookup, separate_lookups
from api.specs.software_search import ran_above, ran_on, was_built_with, was_deployed_with

EXECUTION_LOOKUPS = separate_lookups(
    {
        Lookup(
            "software",
            "Executions that ran on such a spec, in Spack's syntax.",
            "netcdf-c@4.4: %intel",
        ): ran_on,
        Lookup(
            "dependsOn",
            "Executions that ran on such a spec, directly or beneath what they loaded, along link"
            " and run dependencies.",
            "zlib@:1.2.12",
        ): ran_above,
        Lookup(
            "builtWith",
            "Executions that were built with such a spec: it is stated of them, or what they ran"
            " on was built with it.",
            "cmake@3.20:",
        ): was_built_with,
        Lookup(
            "deployedWith",
            "Executions that ran on such a spec, directly or beneath; a spec of which it is only"
            " stated that they were built with it does not count.",
            "zlib@1.3",
        ): was_deployed_with,
    }
)
