"""Made spec documents: random but plausible graphs of packages, with the hashes that they have.

Whoever asks twice with the same seed gets the same. As with real specs, most nodes stand in several
documents: a site has few compilers and targets, and for each a few environments, in each of which
every package is there once; so the number of documents per distinct node is about that of real
ones.
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
Edge = tuple["MadeNode", tuple[str, ...], tuple[str, ...]]

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
_OLDEST_WITH_COMPILER_NODES = 5
_NEW_ENVIRONMENT = 0.3


@dataclass(frozen=True, slots=True)
class SpecSampleOptions:
    """What to make: documents of formats 4 and 5, the newer with the given share."""

    documents: int = 100
    seed: int = 1
    newer: float = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class MadeNode:
    """A node as Spack would write it, and what it depends on, in the order of its JSON."""

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


def made_documents(options: SpecSampleOptions | None = None) -> Iterator[Json]:
    """Give documents as `spec.json` holds them."""
    options = options or SpecSampleOptions()
    chance = random.Random(options.seed)
    environment: Environment | None = None
    for _ in range(options.documents):
        if environment is None or chance.random() < _NEW_ENVIRONMENT:
            form = 5 if chance.random() < options.newer else 4
            environment = _next_environment(chance, form, environment)
        yield document(environment.node(chance.choice(_ROOTS)), environment.form)


def made_document(nodes: int, seed: int = 1) -> Json:
    """Return a document of format 5 with so many nodes: an application that stands on all others.

    They are those of as many environments as it takes, so that a package may stand there twice.
    """
    chance = random.Random(seed)
    below: dict[str, MadeNode] = {}
    while len(below) < nodes - 1:
        environment = _next_environment(chance, _OLDEST_WITH_COMPILER_NODES, None)
        for name in _ROOTS:
            environment.node(name)
        below |= {node.hash: node for node in environment.nodes.values()}  # leaves first
    chosen = list(below.values())[: nodes - 1]
    edges: list[Edge] = [(node, ("build", "link"), ()) for node in chosen]
    return document(environment.root("application", edges), environment.form)


def made_bytes(options: SpecSampleOptions | None = None) -> Iterator[bytes]:
    """Give the documents as NDJSON, line by line."""
    for made in made_documents(options):
        yield json.dumps(made, separators=(",", ":")).encode() + b"\n"


def document(root: MadeNode, form: int) -> Json:
    """Return the document of a node, in preorder, each node once."""
    found: dict[str, MadeNode] = {}
    stack = [root]
    while stack:
        at = stack.pop()
        if at.hash not in found:
            found[at.hash] = at
            stack.extend(child for child, _, _ in reversed(at.edges))
    nodes = [node.native for node in found.values()]
    return {"spec": {"_meta": {"version": form}, "nodes": nodes}}


@cache
def _recipes() -> Json:
    text = resources.files("ingest.sample").joinpath("recipes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(slots=True)
class Environment:
    """What is the same for all packages of one concretization.

    `versions` are those that are not left to chance.
    """

    chance: random.Random
    form: int
    compiler: tuple[str, str]
    target: str
    system: str
    providers: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)
    nodes: dict[str, MadeNode] = field(default_factory=dict)

    def with_fresh(self, name: str, versions: Mapping[str, str]) -> "Environment":
        """Return an environment that takes over what does not stand on a package."""
        nodes = {own: node for own, node in self.nodes.items() if not _reaches(node, name)}
        return replace(self, versions=versions, nodes=nodes)

    def node(self, name: str) -> MadeNode:
        """Return the node of a package, made when it is asked for."""
        made = self.nodes.get(name)
        if made is None:
            made = self.nodes[name] = self._make(name)
        return made

    def root(self, name: str, edges: list[Edge]) -> MadeNode:
        """Return a node of a package that has no recipe, on top of these."""
        return self._finished(name, "1.0", {}, {}, edges)

    def _make(self, name: str) -> MadeNode:
        recipe = _recipes()["packages"][name]
        chance = self.chance
        variants = {
            key: chance.choice(values) for key, values in sorted(recipe.get("variants", {}).items())
        }
        edges = [*self._wanted(recipe.get("depends", {})), *self._tools()]
        flags = {"cflags": list(chance.choice(_CFLAGS))}
        version = self.versions.get(name) or chance.choice(recipe["versions"])
        return self._finished(name, version, variants, flags, edges)

    def _wanted(self, depends: dict[str, str]) -> Iterator[Edge]:
        """Give the edges to dependencies; one to a provider has all virtuals that it provides."""
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
        if self.form < _OLDEST_WITH_COMPILER_NODES:
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
    ) -> MadeNode:
        """Return the node with its keys in Spack's order, and with its hash."""
        ordered = tuple(sorted(edges, key=lambda edge: edge[0].name))
        native: Json = {"name": name, "version": version, "arch": self._arch()}
        if self.form < _OLDEST_WITH_COMPILER_NODES:
            native["compiler"] = {"name": _old_name(self.compiler[0]), "version": self.compiler[1]}
        native["namespace"] = "builtin"
        native["parameters"] = variants | {flag: flags.get(flag, []) for flag in sorted(FLAGS)}
        if external is not None:
            native["external"] = external
        native["package_hash"] = f"{name:a<52.52}===="
        if ordered:
            native["dependencies"] = [_edge(edge) for edge in ordered]
        if self.form >= _OLDEST_WITH_COMPILER_NODES:
            native["annotations"] = {"original_specfile_version": self.form}
        return MadeNode(native | {"hash": dag_hash(native)}, ordered)

    def _arch(self) -> Json:
        target = {"name": self.target, "vendor": "made", "features": [], "generation": 0}
        return {"platform": "linux", "platform_os": self.system, "target": target}


def _next_environment(chance: random.Random, form: int, before: Environment | None) -> Environment:
    """Return an environment by chance.

    It takes over most packages of the one before, when format, compiler and target stay: so it
    comes that they share nodes.
    """
    if before is not None and before.form == form and chance.random() < 0.7:
        fresh = chance.choice([*_ROOTS, "hdf5", "netcdf-c", "openssl", "zlib", "zlib-ng"])
        return before.with_fresh(fresh, {})
    name = chance.choice(["gcc", "gcc", "gcc", "llvm"])
    compiler = (name, chance.choice(_COMPILERS[name]))
    target = chance.choices(list(_TARGETS), list(_TARGETS.values()))[0]
    system = chance.choice(_SYSTEMS)
    named = _recipes()["providers"].items()
    providers = {virtual: chance.choice(names) for virtual, names in named}
    return Environment(chance, form, compiler, target, system, providers)


def _reaches(node: MadeNode, name: str) -> bool:
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
