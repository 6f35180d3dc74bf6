"""The packages that Spack installed on one machine of the sample, before and after a new zlib.

The modules there have the hashes of these specs in their names, so that the executions of the
sample archive are linked with the specs.
"""

import random
from dataclasses import dataclass
from typing import Any

from ingest.sample.specs import Environment, SampleNode

_VERSIONS = {
    "subversion": "1.14.0",
    "perl": "5.32.0",
    "cmake": "3.24.2",
    "openmpi": "4.1.3",
    "hdf5": "1.10.7",
    "netcdf-c": "4.4.1",
    "netcdf-fortran": "4.4.4",
    "parallel-netcdf": "1.11.0",
}
_PROVIDERS = {"mpi": "openmpi", "pkgconfig": "pkgconf", "zlib-api": "zlib"}
_OLD_ZLIB, _NEW_ZLIB = "1.2.11", "1.2.13"
SPECFILE_VERSION = 4


@dataclass(frozen=True, slots=True)
class Stack:
    """Packages that were concretized together, and the modules of some of them."""

    nodes: tuple[SampleNode, ...]
    modules: tuple[str, ...]


class _FirstChoice(random.Random):
    """Always chooses the first option, so that stacks differ only in the given versions."""

    def choice(self, seq: Any) -> Any:
        return seq[0]


def _stack(environment: Environment) -> Stack:
    loaded = [environment.node(name) for name in _VERSIONS]
    modules = (f"{n.name}/{n.native['version']}-{n.hash[:7]}" for n in loaded)
    return Stack(tuple(environment.nodes.values()), tuple(modules))


_OLD = Environment(
    _FirstChoice(), SPECFILE_VERSION, ("intel", "20.0.4"), "zen2", "centos8", _PROVIDERS,
    _VERSIONS | {"zlib": _OLD_ZLIB},
)  # fmt: skip

FIRST_STACK = _stack(_OLD)
SECOND_STACK = _stack(_OLD.with_fresh("zlib", _VERSIONS | {"zlib": _NEW_ZLIB}))
