"""What Spack installed on one machine of the sample, before and after a new zlib.

Its modules are named with the hashes of these specs: so the executions of the sample archive are
linked with them.
"""

import random
from dataclasses import dataclass
from typing import Any

from ingest.sample.specs import Environment, MadeNode

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
FORM = 4


@dataclass(frozen=True, slots=True)
class Stack:
    """The packages of a site that fit together; some of them have modules."""

    nodes: tuple[MadeNode, ...]
    modules: tuple[str, ...]


class _NoChance(random.Random):
    """Always chooses the first, so that stacks differ by what is said only."""

    def choice(self, seq: Any) -> Any:
        return seq[0]


def _stack(environment: Environment) -> Stack:
    loaded = [environment.node(name) for name in _VERSIONS]
    modules = (f"{n.name}/{n.native['version']}-{n.hash[:7]}" for n in loaded)
    return Stack(tuple(environment.nodes.values()), tuple(modules))


_OLD = Environment(
    _NoChance(), FORM, ("intel", "20.0.4"), "zen2", "centos8", _PROVIDERS,
    _VERSIONS | {"zlib": _OLD_ZLIB},
)  # fmt: skip

FIRST_STACK = _stack(_OLD)
SECOND_STACK = _stack(_OLD.with_fresh("zlib", _VERSIONS | {"zlib": _NEW_ZLIB}))
