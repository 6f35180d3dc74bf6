"""Synthetic spec documents: random but plausible graphs of packages, with correct hashes.

The same seed gives the same documents. As in real specs, most nodes are in several documents: a
site has few compilers and targets, and for each of them a few environments, in which every package
is there once. So the number of documents per distinct node is about that of real specs.
"""

import json
import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any

from models.spack.dag_hash import dag_hash
from models.spack.graph import FLAGS

Json = dict[str, Any]
Edge = tuple["SampleNode", tuple[str, ...], tuple[str, ...]]

_COMPILERS = {"gcc": ("10.5.0", "11.4.0", "12.2.0", "13.3.0"), "llvm": ("14.0.6", "18.1.8")}
_TARGETS = {"icelake": 9, "zen3": 6, "x86_64_v3": 3, "skylake_avx512": 3, "neoverse_v2": 2}
_SYSTEMS = ("debian12", "sles15", "rhel9")
_CFLAGS: tuple[list[str], ...] = ([], [], [], [], ["-O3"], ["-O2", "-g"])
_LANGUAGES = ("c", "cxx", "fortran")
_TYPES = ("build", "link", "run", "test")
_ROOTS = (
    "e3sm-kernels",
    "e3sm-scorpio",
    "moab",
    "netcdf-fortran",
    "petsc",
    "py-netcdf4",
    "trilinos",
)
_MIN_VERSION_WITH_COMPILER_NODES = 5
_NEW_ENVIRONMENT = 0.3


@dataclass(frozen=True, slots=True)
class SpecSampleOptions:
    """The number of documents, in formats 4 and 5; `newer` is the share of format 5."""

    documents: int = 100
    seed: int = 1
    newer: float = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class SampleNode:
    """A node as Spack would write it, and its dependencies in the order of its JSON."""

    native: Json
    edges: tuple[Edge, ...] = ()

    @property
    def name(self) -> str:
        """The name of the package."""
        return str(self.native["name"])

    @property
    def hash(self) -> str:
        """The DAG hash."""
        return str(self.native["hash"])


def sample_documents(options: SpecSampleOptions | None = None) -> Iterator[Json]:
    """Yield documents with the content of `spec.json` files."""
    options = options or SpecSampleOptions()
    rng = random.Random(options.seed)
    environment: Environment | None = None
    for _ in range(options.documents):
        if environment is None or rng.random() < _NEW_ENVIRONMENT:
            specfile_version = 5 if rng.random() < options.newer else 4
            environment = _next_environment(rng, specfile_version, environment)
        yield document(environment.node(rng.choice(_ROOTS)), environment.specfile_version)


def sample_document(nodes: int, seed: int = 1) -> Json:
    """Return a document of format 5 with that many nodes: an application depends on the others.

    The others are taken from as many environments as needed, so that a package may occur twice.
    """
    rng = random.Random(seed)
    below: dict[str, SampleNode] = {}
    while len(below) < nodes - 1:
        environment = _next_environment(rng, _MIN_VERSION_WITH_COMPILER_NODES, None)
        for name in _ROOTS:
            environment.node(name)
        below |= {node.hash: node for node in environment.nodes.values()}  # leaves first
    chosen = list(below.values())[: nodes - 1]
    edges: list[Edge] = [(node, ("build", "link"), ()) for node in chosen]
    return document(environment.root("application", edges), environment.specfile_version)


def sample_bytes(options: SpecSampleOptions | None = None) -> Iterator[bytes]:
    """Yield the documents as lines of NDJSON."""
    for spec in sample_documents(options):
        yield json.dumps(spec, separators=(",", ":")).encode() + b"\n"


def document(root: SampleNode, specfile_version: int) -> Json:
    """Return the document of a node: all nodes below it, in preorder, each once."""
    found: dict[str, SampleNode] = {}
    stack = [root]
    while stack:
        at = stack.pop()
        if at.hash not in found:
            found[at.hash] = at
            stack.extend(child for child, _, _ in reversed(at.edges))
    nodes = [node.native for node in found.values()]
    return {"spec": {"_meta": {"version": specfile_version}, "nodes": nodes}}


@cache
def _recipes() -> Json:
    text = resources.files("ingest.sample").joinpath("recipes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(slots=True)
class Environment:
    """The choices that all packages of one concretization share.

    `versions` are the fixed versions of packages; all others are chosen at random.
    """

    rng: random.Random
    specfile_version: int
    compiler: tuple[str, str]
    target: str
    system: str
    providers: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)
    nodes: dict[str, SampleNode] = field(default_factory=dict)

    def with_fresh(self, name: str, versions: Mapping[str, str]) -> "Environment":
        """Return an environment that keeps the nodes that do not depend on a package."""
        nodes = {key: node for key, node in self.nodes.items() if not _reaches(node, name)}
        return replace(self, versions=versions, nodes=nodes)

    def node(self, name: str) -> SampleNode:
        """Return the node of a package; create it on the first call."""
        node = self.nodes.get(name)
        if node is None:
            node = self.nodes[name] = self._new_node(name)
        return node

    def root(self, name: str, edges: list[Edge]) -> SampleNode:
        """Return the node of a package without a recipe that has these dependencies."""
        return self._finished(name, "1.0", {}, {}, edges)

    def _new_node(self, name: str) -> SampleNode:
        recipe = _recipes()["packages"][name]
        rng = self.rng
        variants = {
            key: rng.choice(values) for key, values in sorted(recipe.get("variants", {}).items())
        }
        edges = [*self._wanted(recipe.get("depends", {})), *self._tools()]
        flags = {"cflags": list(rng.choice(_CFLAGS))}
        version = self.versions.get(name) or rng.choice(recipe["versions"])
        return self._finished(name, version, variants, flags, edges)

    def _wanted(self, depends: dict[str, str]) -> Iterator[Edge]:
        """Yield the edges to dependencies; an edge to a provider has all virtuals it provides."""
        virtuals: dict[str, list[str]] = {}
        types: dict[str, set[str]] = {}
        for wanted, words in depends.items():
            provider = self.providers.get(wanted, wanted)
            virtuals.setdefault(provider, []).extend([wanted] if provider != wanted else [])
            types.setdefault(provider, set()).update(words.split())
        for name, kinds in types.items():
            ordered = tuple(kind for kind in _TYPES if kind in kinds)
            yield self.node(name), ordered, tuple(sorted(virtuals[name]))

    def _tools(self) -> Iterator[Edge]:
        if self.specfile_version < _MIN_VERSION_WITH_COMPILER_NODES:
            return
        name, version = self.compiler
        wrapper, compiler, libc = (f"{part} " for part in ("compiler-wrapper", name, "glibc"))
        if wrapper not in self.nodes:
            self.nodes[wrapper] = self._finished("compiler-wrapper", "1.0", {}, {}, [])
            external: Json = {"path": "/usr", "module": None, "extra_attributes": {"compilers": {}}}
            languages = {"languages": list(_LANGUAGES)}
            self.nodes[compiler] = self._finished(name, version, languages, {}, [], external)
            self.nodes[libc] = self._finished("glibc", "2.36", {}, {}, [], external)
        yield self.nodes[wrapper], ("build",), ()
        yield self.nodes[compiler], ("build",), _LANGUAGES
        yield self.nodes[libc], ("link",), ("libc",)

    def _finished(
        self,
        name: str,
        version: str,
        variants: Json,
        flags: Json,
        edges: list[Edge],
        external: Json | None = None,
    ) -> SampleNode:
        """Return the node with its keys in Spack's order, and with its hash."""
        ordered = tuple(sorted(edges, key=lambda edge: edge[0].name))
        native: Json = {"name": name, "version": version, "arch": self._arch()}
        if self.specfile_version < _MIN_VERSION_WITH_COMPILER_NODES:
            native["compiler"] = {"name": _old_name(self.compiler[0]), "version": self.compiler[1]}
        native["namespace"] = "builtin"
        native["parameters"] = variants | {flag: flags.get(flag, []) for flag in sorted(FLAGS)}
        if external is not None:
            native["external"] = external
        native["package_hash"] = f"{name:a<52.52}===="
        if ordered:
            native["dependencies"] = [_edge(edge) for edge in ordered]
        if self.specfile_version >= _MIN_VERSION_WITH_COMPILER_NODES:
            native["annotations"] = {"original_specfile_version": self.specfile_version}
        return SampleNode(native | {"hash": dag_hash(native)}, ordered)

    def _arch(self) -> Json:
        target = {"name": self.target, "vendor": "made", "features": [], "generation": 0}
        return {"platform": "linux", "platform_os": self.system, "target": target}


def _next_environment(
    rng: random.Random, specfile_version: int, before: Environment | None
) -> Environment:
    """Return a random environment.

    It may keep most packages of the one before, when the format, compiler and target are the same,
    so that both share nodes.
    """
    if before is not None and before.specfile_version == specfile_version and rng.random() < 0.7:
        fresh = rng.choice([*_ROOTS, "hdf5", "netcdf-c", "openssl", "zlib", "zlib-ng"])
        return before.with_fresh(fresh, {})
    name = rng.choice(["gcc", "gcc", "gcc", "llvm"])
    compiler = (name, rng.choice(_COMPILERS[name]))
    target = rng.choices(list(_TARGETS), list(_TARGETS.values()))[0]
    system = rng.choice(_SYSTEMS)
    named = _recipes()["providers"].items()
    providers = {virtual: rng.choice(names) for virtual, names in named}
    return Environment(rng, specfile_version, compiler, target, system, providers)


def _reaches(node: SampleNode, name: str) -> bool:
    seen: set[str] = set()
    stack = [node]
    while stack:
        at = stack.pop()
        if at.name == name:
            return True
        if at.hash not in seen:
            seen.add(at.hash)
            stack.extend(child for child, _, _ in at.edges)
    return False


def _old_name(compiler: str) -> str:
    return {"llvm": "clang"}.get(compiler, compiler)


def _edge(edge: Edge) -> Json:
    node, types, virtuals = edge
    kinds = {"deptypes": list(types), "virtuals": list(virtuals)}
    return {"name": node.name, "hash": node.hash, "parameters": kinds}
