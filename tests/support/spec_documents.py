"""Small files of Spack of every format, with the hashes that their contents have."""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from ingest.specs.formats.detect import read
from ingest.specs.outcome import Outcome, Rejection
from models.spack.dag_hash import compact, dag_hash, indented
from models.specs.document import SpecDocument

Json = dict[str, Any]
FORMATS = (1, 2, 3, 4, 5)
FLAGS = ("cflags", "cppflags", "cxxflags", "fflags", "ldflags", "ldlibs")
LOCK_FORMATS = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 5}
DATABASE_FORMATS = {"5": 1, "6": 3, "7": 4, "8": 5}


def any_hash(*parts: str) -> str:
    """Return a hash as Spack has them, of anything."""
    digest = hashlib.sha1(json.dumps(parts).encode()).digest()
    return base64.b32encode(digest).decode().lower()


@dataclass(frozen=True, eq=False)
class Package:
    """A node as it stands in a file of its format, in format 1 without its name."""

    name: str
    native: Json
    dependencies: tuple["Dependency", ...]
    build_spec: "Package | None" = None

    @property
    def hash(self) -> str:
        value: str = self.native["hash"]
        return value


@dataclass(frozen=True)
class Dependency:
    package: Package
    types: tuple[str, ...]
    virtuals: tuple[str, ...] = ()


def on(package: Package, types: str = "build link", virtuals: str = "") -> Dependency:
    return Dependency(package, tuple(types.split()), tuple(virtuals.split()))


def package(
    name: str,
    *dependencies: Dependency,
    form: int = 5,
    version: str = "1.0",
    parameters: Json | None = None,
    build_spec: Package | None = None,
    extra: Json | None = None,
) -> Package:
    """Return a node in one of the formats, its keys in the order in which Spack writes them."""
    target = {"name": "icelake", "vendor": "GenuineIntel", "features": ["avx"], "parents": []}
    native: Json = {"name": name} if form > 1 else {}
    native |= {
        "version": version,
        "arch": {"platform": "linux", "platform_os": "debian12", "target": target},
    }
    if form < 5:
        native["compiler"] = {"name": "gcc", "version": "12.2.0"}
    native["namespace"] = "builtin"
    native["parameters"] = (parameters or {}) | {flag: [] for flag in FLAGS}
    native |= extra or {}
    if form > 2:
        native["package_hash"] = "abcd" * 13 + "===="
    if dependencies:
        native["dependencies"] = _edges(dependencies, form)
    if build_spec is not None:
        native["build_spec"] = {"name": build_spec.name, "hash": build_spec.hash}
    if form > 4:
        native["annotations"] = {"original_specfile_version": 5}
    return Package(name, _hashed(native, name, form), dependencies, build_spec)


def _edges(dependencies: Sequence[Dependency], form: int) -> Any:
    if form == 1:
        return {
            each.package.name: {"hash": each.package.native["full_hash"], "type": list(each.types)}
            for each in dependencies
        }
    return [_edge(each, form) for each in dependencies]


def _edge(each: Dependency, form: int) -> Json:
    edge: Json = {"name": each.package.name}
    if form == 2:
        edge["build_hash"] = each.package.native["build_hash"]
    else:
        edge["hash"] = each.package.hash
    if form < 4:
        return edge | {"type": list(each.types)}
    return edge | {"parameters": {"deptypes": list(each.types), "virtuals": list(each.virtuals)}}


def _hashed(native: Json, name: str, form: int) -> Json:
    if form < 3:
        content = json.dumps(native)
        names = ("hash", "full_hash", "build_hash")
        return native | {each: any_hash(each, name, content) for each in names}
    return native | {"hash": dag_hash(native, compact if form > 3 else indented)}


def closure(root: Package) -> list[Package]:
    """Return a node and what it stands on, each once, in the order in which Spack writes them."""
    found: dict[str, Package] = {}

    def visit(at: Package) -> None:
        if at.hash not in found:
            found[at.hash] = at
            if at.build_spec is not None:
                visit(at.build_spec)
            for each in at.dependencies:
                visit(each.package)

    visit(root)
    return list(found.values())


def stated(at: Package, form: int) -> Json:
    return {at.name: at.native} if form == 1 else at.native


def document(root: Package, form: int = 5) -> Json:
    nodes = [stated(each, form) for each in closure(root)]
    if form == 1:
        return {"spec": nodes}
    return {"spec": {"_meta": {"version": form}, "nodes": nodes}}


def diamond(form: int = 5, leaf: str = "1.3") -> Package:
    """Return app, which links to mid and runs leaf, and builds with tool; mid links to leaf."""
    zlib = package("leaf", form=form, version=leaf, parameters={"pic": True})
    mid = package("mid", on(zlib, "build link", "zlib-api"), form=form)
    tool = package("tool", on(zlib, "link"), form=form)
    links = [on(zlib, "run"), on(mid, "build link", "mpi"), on(tool, "build")]
    return package("app", *links, form=form, version="2.1")


def lockfile(roots: Iterable[tuple[Package, str]], version: int = 6, **more: Any) -> Json:
    """Return a lockfile; in versions 1 to 3 the nodes do not state the hash that is their key."""
    roots = list(roots)
    form = LOCK_FORMATS[version]
    meta: Json = {"file-type": "spack-lockfile", "lockfile-version": version}
    if version > 2:
        meta["specfile-version"] = form
    return {
        "_meta": meta,
        "roots": [{"hash": each.native[_key_name(version)], "spec": text} for each, text in roots],
        "concrete_specs": locked([each for each, _ in roots], version),
    } | more


def _key_name(version: int) -> str:
    return "build_hash" if version in {2, 3} else "hash"


def locked(roots: Iterable[Package], version: int = 6) -> Json:
    """Return the nodes of a lockfile by their keys."""
    form, key = LOCK_FORMATS[version], _key_name(version)
    found: Json = {}
    for root in roots:
        for each in closure(root):
            kept = {"hash"} if version in {2, 3} else set()
            native = each.native
            if version < 4:
                dropped = {"hash", "full_hash", "build_hash"} - kept
                native = {name: value for name, value in native.items() if name not in dropped}
                native = _with_keys(native, each, form, key)
            found[each.native[key]] = {each.name: native} if form == 1 else native
    return found


def _with_keys(native: Json, at: Package, form: int, key: str) -> Json:
    """Let the edges name the hash that is the key of the map, as lockfiles do."""
    if not at.dependencies:
        return native
    if form == 1:
        edges: Any = {
            each.package.name: {"hash": each.package.native[key], "type": list(each.types)}
            for each in at.dependencies
        }
    else:
        edges = [
            {"name": each.package.name, key: each.package.native[key], "type": list(each.types)}
            for each in at.dependencies
        ]
    return native | {"dependencies": edges}


def database(roots: Iterable[Package], version: str = "8", explicit: str = "app") -> Json:
    """Return the index of an install tree."""
    installs: Json = {}
    for root in roots:
        for each in closure(root):
            form = DATABASE_FORMATS.get(version, 5)
            native = _with_keys(each.native, each, 1, "hash") if form == 1 else each.native
            installs[each.hash] = {
                "spec": {each.name: native} if form == 1 else native,
                "ref_count": 1,
                "path": f"/secret/opt/linux-icelake/{each.name}-1.0-{each.hash}",
                "installed": True,
                "explicit": each.name == explicit,
                "installation_time": 1744963943.3079917,
            }
    return {"database": {"version": version, "installs": installs}}


def clear_signed(text: str) -> bytes:
    """Return a text as a signed one; the signature is none."""
    escaped = "\n".join("- " + line if line.startswith("-") else line for line in text.split("\n"))
    return (
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{escaped}\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQIz\n=abcd\n-----END PGP SIGNATURE-----\n"
    ).encode()


def manifest(blob: bytes, media_type: str = "application/vnd.spack.spec.v5+json") -> Json:
    data = {
        "contentLength": len(blob),
        "mediaType": media_type,
        "compression": "gzip",
        "checksumAlgorithm": "sha256",
        "checksum": hashlib.sha256(blob).hexdigest(),
    }
    return {"version": 3, "data": [data]}


def packed(value: Any) -> bytes:
    return json.dumps(value).encode()


def outcomes(value: Any, name: str = "x.json", **options: Any) -> list[Outcome]:
    data = value if isinstance(value, bytes) else packed(value)
    return list(read(data, name, **options))


def documents(value: Any, name: str = "x.json", **options: Any) -> list[SpecDocument]:
    """Read a file in which nothing is refused."""
    found = outcomes(value, name, **options)
    assert [each for each in found if isinstance(each, Rejection)] == []
    return [each for each in found if isinstance(each, SpecDocument)]


def reasons(value: Any, name: str = "x.json", **options: Any) -> list[tuple[str, str]]:
    """Return reason and place of all that is refused."""
    found = outcomes(value, name, **options)
    return [(each.reason, each.place) for each in found if isinstance(each, Rejection)]


def same(left: Any, right: Any) -> bool:
    """Tell whether JSON is equal, the order of keys included."""
    return json.dumps(left) == json.dumps(right)


_TYPES = st.sets(st.sampled_from(("build", "link", "run", "test"))).map(
    lambda types: " ".join(each for each in ("build", "link", "run", "test") if each in types)
)


@st.composite
def graphs(draw: st.DrawFn, form: int = 5, largest: int = 12) -> Package:
    """Make a graph in which a node depends on some of those made before it; names may repeat."""
    made: list[Package] = []
    for number in range(draw(st.integers(1, largest))):
        chosen = draw(st.lists(st.sampled_from(made), unique=True, max_size=4)) if made else []
        name = f"p{draw(st.integers(0, 4))}" if form > 2 else f"p{number}"
        dependencies = [on(each, draw(_TYPES)) for each in chosen]
        made.append(package(name, *dependencies, form=form, version=str(number)))
    return made[-1]
