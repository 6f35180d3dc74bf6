"""Queries for concrete specs in Spack's spec syntax: parsing, and writing as text again.

    hdf5@1.12:1.14 +mpi ~shared build_type=Release target=x86_64_v3: %gcc@12: ^zlib@:1.2.12
    |---------------------- the root -----------------------------| |direct| |at any distance|

Attributes after a name apply to this package, up to the next `^` or `%`. So, since Spack 1.0, the
target in `hdf5 %gcc target=zen` is that of gcc; the target of hdf5 must come before the `%`.

* `^` is a dependency of the root at any distance. `%` is a direct dependency of the package before
  it: of the root, or of the last `^`.
* `a=b,c` requires both values of a variant, `a:=b,c` these and no others, `a=*` any value.
* As in Spack, a value without quotes ends at the next blank or bracket.
* As in Spack, `^mpi=openmpi` means `^[virtuals=mpi] openmpi`. Therefore the attributes of a
  dependency without a name begin with a star: `^* build_type=Release`.

* `%` or `^` without anything after it is any dependency; `^%gcc` is one that was built with gcc.
* A variant with a doubled sign, `++mpi` or `a==b`, is required of the package and of all below it
  that have such a variant.
* `^[when=+mpi] openmpi` is required only of packages that satisfy `+mpi`.

The path of a file and several specs in one text are errors, because they say nothing about one
concrete spec. `parse_query(str(query)) == query`. The time is linear in the length of the text.
Source of the grammar: lib/spack/spack/spec_parser.py in Spack 1.x.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from models.errors import CaseledgerError
from models.spack.graph import DEPENDENCY_TYPES, FLAGS
from models.spack.version import VersionConstraint, VersionError, parse_constraint

MAX_LENGTH = 4096
MAX_DEPENDENCIES = 100
LEGACY_COMPILERS = {
    "clang": "llvm",
    "oneapi": "intel-oneapi-compilers",
    "rocmcc": "llvm-amdgpu",
    "intel": "intel-oneapi-compilers-classic",
    "arm": "acfl",
}
"""The names of compilers up to format 4, where they were not packages, with those of the packages.
"""

OLD_COMPILERS = frozenset(
    {
        "aocc", "apple-clang", "arm", "cce", "clang", "dpcpp", "fj", "gcc", "intel", "msvc", "nag",
        "nvhpc", "oneapi", "pgi", "rocmcc", "xl", "xl_r",
    }
)  # fmt: skip
"""The names of all compilers that Spack knew up to format 4."""

_IDENTIFIER = r"[A-Za-z_0-9][A-Za-z_0-9-]*+"
_PACKAGE = rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*+"
_NAME = r"[A-Za-z_0-9][A-Za-z_0-9.-]*+"
_VERSION = r"(?>\w(?:[\w.-]*\w)?)"
_RANGE = rf"(?:{_VERSION})?:(?:{_VERSION}(?!\s*=))?"
_GIT = r"(?:git\.\w[\w./-]*+|[0-9A-Fa-f]{40}(?![\w.-]))"
_ITEM = rf"(?:=?{_GIT}(?:=(?:{_RANGE}|{_VERSION}))?|{_RANGE}|=?{_VERSION})"

_SPACE = re.compile(r"\s*")
_NODE_NAME = re.compile(rf"(?P<star>\*)|(?P<name>{_PACKAGE})")
_NAMESPACE = re.compile(_PACKAGE)
VIRTUAL_NAME = re.compile(_IDENTIFIER)
_CONSTRAINT = re.compile(rf"{_ITEM}(?:\s*,\s*{_ITEM})*+", re.ASCII)
_SWITCH = re.compile(rf"(?P<sigil>\+\+|~~|--|[+~-])\s*(?P<name>{_NAME})")
_KEY = re.compile(rf"(?P<name>{_NAME})(?P<sign>:?==?)")
_BARE = re.compile(r"[A-Za-z_0-9+*.,:=%^~/\\-]++")
_QUOTED = re.compile(r"'(?:[^']|(?<=\\)')*+'|\"(?:[^\"]|(?<=\\)\")*+\"")
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z_0-9+*./:,-]+")
_FILE = re.compile(r"\s*(?:\.{1,2}/.*|[^\s=@%^+~]+\.(?:json|yaml)\s*)", re.DOTALL)
_HASH = re.compile(r"/(?P<hash>[A-Za-z_0-9]+)")
_EDGE = re.compile(r"(?P<sigil>\^|%%|%)(?P<bracket>\[)?")
_PROVIDER = re.compile(rf"(?P<virtuals>{_IDENTIFIER}(?:,{_IDENTIFIER})*+)=(?={_IDENTIFIER})")
_ARCHITECTURE = {
    "arch": "arch",
    "architecture": "arch",
    "platform": "platform",
    "os": "os",
    "operating_system": "os",
    "target": "target",
}
_OF_THIS_MACHINE = frozenset(
    {"default_os", "default_target", "frontend", "fe", "backend", "be"}
)  # words of Spack whose meaning depends on where it runs


class SpecSyntaxError(CaseledgerError):
    """A text is not a spec: at `position`, a column from 0, something else is `expected`."""

    def __init__(self, text: str, position: int, expected: str) -> None:
        found = repr(text[position : position + 20]) if position < len(text) else "the end"
        super().__init__(f"column {position}: expected {expected}, found {found}")
        self.text = text
        self.position = position
        self.expected = expected

    def __reduce__(self) -> tuple[type["SpecSyntaxError"], tuple[str, int, str]]:
        return type(self), (self.text, self.position, self.expected)


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant that is on or off, or has all of some values; an empty tuple means any value.

    The values are sorted. `exact` excludes other values. For `patches`, Spack takes a value as the
    prefix of a hash. With `propagate` it is about the package and all below it, as far as they have
    the variant.
    """

    name: str
    value: bool | tuple[str, ...]
    exact: bool = False
    propagate: bool = False

    def __str__(self) -> str:
        if isinstance(self.value, bool):
            return ("+" if self.value else "~") * (2 if self.propagate else 1) + self.name
        sign = (":=" if self.exact else "=") + ("=" if self.propagate else "")
        # A value that ends in a backslash must not be last: it would escape the closing quote.
        values = sorted(self.value, key=lambda value: not value.endswith("\\"))
        return f"{self.name}{sign}{_quote(','.join(values)) if values else '*'}"


@dataclass(frozen=True, slots=True)
class Flags:
    """Compiler flags, such as `cflags`; a flag and its argument, `-I dir`, are one value."""

    name: str
    values: tuple[str, ...]
    propagate: bool = False

    def __str__(self) -> str:
        value = " ".join(self.values)
        end = " " if value.endswith("\\") else ""  # it would escape the closing quote
        return f"{self.name}{'==' if self.propagate else '='}{_quote(value + end)}"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A requested dependency: a direct one (`%`), or one at any distance (`^`).

    It has at least these `types`, in the order of `DEPENDENCY_TYPES`, and provides at least these
    `virtuals`, which are sorted. `propagate` is true for `%%`. A compiler keeps the name that was
    written, even one of `LEGACY_COMPILERS`. With `when`, it is required only of packages that
    satisfy that.
    """

    node: "Node"
    direct: bool
    types: tuple[str, ...] = ()
    virtuals: tuple[str, ...] = ()
    propagate: bool = False
    when: "Node | None" = None

    def __str__(self) -> str:
        sigil = ("%%" if self.propagate else "%") if self.direct else "^"
        attributes = {"deptypes": ",".join(self.types), "virtuals": ",".join(self.virtuals)}
        if self.when is not None:
            attributes["when"] = _quote(str(self.when))
        edge = " ".join(f"{key}={value}" for key, value in attributes.items() if value)
        node = str(self.node)
        star = "* " if node.startswith(("^", "%")) or _KEY.match(node) else ""
        return f"{sigil}{f'[{edge}] ' if edge else ''}{star}{node}"


@dataclass(frozen=True, slots=True)
class Node:
    """The conditions on one package and on its dependencies; the root is the whole query.

    None and empty tuples are no conditions. `hash` is the prefix of a DAG hash; `target` is a
    constraint of `models.spack.target`. Variants are sorted by name; flags and dependencies keep
    the order in which they were written.
    """

    name: str | None = None
    namespace: str | None = None
    version: VersionConstraint | None = None
    variants: tuple[Variant, ...] = ()
    flags: tuple[Flags, ...] = ()
    platform: str | None = None
    os: str | None = None
    target: str | None = None
    hash: str | None = None
    dependencies: tuple[Dependency, ...] = ()

    def __str__(self) -> str:
        name = ".".join(filter(None, (self.namespace, self.name))) if self.name else ""
        version = f"@{self.version}" if self.version else ""
        parts = (f"{name}{version}", *self._attributes(), *map(str, self.dependencies))
        return " ".join(filter(None, parts)) or "*"

    def _attributes(self) -> Iterator[str]:
        yield from map(str, self.variants)
        yield from map(str, self.flags)
        keys = {"platform": self.platform, "os": self.os, "target": self.target}
        if self.name is None:
            keys["namespace"] = self.namespace
        yield from (f"{key}={_quote(value)}" for key, value in keys.items() if value is not None)
        if self.hash is not None:
            yield f"/{self.hash}"


def _quote(value: str) -> str:
    if _NEEDS_NO_QUOTES.fullmatch(value):
        return value
    quote = '"' if "'" in value else "'"
    return quote + value.replace(quote, f"\\{quote}") + quote


def parse_query(text: str) -> Node:
    """Return the query that a text denotes, or raise SpecSyntaxError."""
    if len(text) > MAX_LENGTH:
        raise SpecSyntaxError(text, MAX_LENGTH, f"at most {MAX_LENGTH} characters")
    return _Parser(text).parse()


_MAX_NESTED = 4  # conditions within conditions


@dataclass(slots=True)
class _Draft:
    """A node that is being read; `settings` are the text attributes of `Node` by name."""

    version: VersionConstraint | None = None
    settings: dict[str, str] = field(default_factory=dict)
    variants: dict[str, Variant] = field(default_factory=dict)
    flags: list[Flags] = field(default_factory=list)
    dependencies: list[Dependency] = field(default_factory=list)

    def finish(self) -> Node:
        return Node(
            version=self.version,
            variants=tuple(self.variants[name] for name in sorted(self.variants)),
            flags=tuple(self.flags),
            dependencies=tuple(self.dependencies),
            **self.settings,
        )


@dataclass(slots=True)
class _Edge:
    """An edge that is being read; `is_named` says that the name of a package must follow."""

    direct: bool
    propagate: bool
    types: tuple[str, ...] = ()
    virtuals: tuple[str, ...] = ()
    when: Node | None = None
    is_named: bool = False

    def to(self, node: Node) -> Dependency:
        return Dependency(node, self.direct, self.types, self.virtuals, self.propagate, self.when)


class _Parser:
    def __init__(self, text: str, nested: int = 0) -> None:
        self._text = text
        self._position = 0
        self._edges = 0
        self._nested = nested

    def parse(self) -> Node:
        if not self._text.strip():
            self._fail("a spec", 0)
        if _FILE.fullmatch(self._text):
            self._fail("a spec; files are not read here, import them", 0)
        root = current = self._node()
        distant: list[tuple[_Edge, _Draft]] = []
        while (edge := self._edge()) is not None:
            draft = self._node(edge.is_named)
            if edge.direct:
                current.dependencies.append(edge.to(draft.finish()))
            else:
                distant.append((edge, draft))
                current = draft
        self._end()
        root.dependencies.extend(edge.to(draft.finish()) for edge, draft in distant)
        return root.finish()

    def _fail(self, expected: str, position: int | None = None) -> NoReturn:
        at = self._position if position is None else position
        raise SpecSyntaxError(self._text, at, expected)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._position)
        if match is not None:
            self._position = match.end()
        return match

    def _end(self) -> None:
        if self._position == len(self._text):
            return
        if _NODE_NAME.match(self._text, self._position) or self._text[self._position] == "/":
            self._fail("a single spec")
        self._fail("an attribute, a dependency or the end")

    def _node(self, is_named: bool = False) -> _Draft:
        draft = _Draft()
        self._take(_SPACE)
        if is_named or not _KEY.match(self._text, self._position):
            match = self._take(_NODE_NAME)
            if match is not None and match["name"]:
                namespace, _, name = match["name"].rpartition(".")
                draft.settings = {"namespace": namespace} if namespace else {}
                draft.settings["name"] = name
        while self._attribute(draft):
            pass
        return draft

    def _attribute(self, draft: _Draft) -> bool:
        """Read blanks and one attribute of a node; return False when there is no attribute."""
        self._take(_SPACE)
        start, sigil = self._position, self._text[self._position : self._position + 1]
        if sigil == "@":
            self._version(draft)
        elif sigil in {"+", "~", "-"}:
            self._switch(draft)
        elif sigil == "/" and "hash" not in draft.settings:
            match = self._take(_HASH) or self._fail("a hash after the slash", start + 1)
            draft.settings["hash"] = match["hash"]
        elif (key := self._take(_KEY)) is not None:
            self._assignment(draft, key)
        else:
            return False
        return True

    def _version(self, draft: _Draft) -> None:
        if draft.version is not None:
            self._fail("a single list of versions for a package")
        self._position += 1
        self._take(_SPACE)
        match = self._take(_CONSTRAINT) or self._fail("a version, a range or a list of these")
        try:
            draft.version = parse_constraint(match[0])
        except VersionError as error:
            position = match.start() + error.position
            self._fail(f"a version or a range ({error.detail})", position)

    def _switch(self, draft: _Draft) -> None:
        match = self._take(_SWITCH) or self._fail("the name of a variant", self._position + 1)
        name, sigil = match["name"], match["sigil"]
        if name in FLAGS or name in _ARCHITECTURE or name == "namespace":
            self._fail(f"a variant, because {name} needs a value", match.start("name"))
        variant = Variant(name, sigil[0] == "+", propagate=len(sigil) > 1)
        self._add_variant(draft, variant, match.start("name"))

    def _add_variant(self, draft: _Draft, variant: Variant, position: int) -> None:
        if variant.name in draft.variants:
            self._fail(f"the variant {variant.name} only once", position)
        draft.variants[variant.name] = variant

    def _assignment(self, draft: _Draft, key: re.Match[str]) -> None:
        name, sign = key["name"], key["sign"]
        value = self._value()
        if name in _ARCHITECTURE or name == "namespace":
            if sign != "=":
                self._fail(f"{name}=", key.start())
            self._set(draft, _settings(name, value), key.start())
        elif name in FLAGS:
            if sign.startswith(":"):
                self._fail(f"{name}= or {name}==", key.start())
            draft.flags.append(Flags(name, _split_flags(value), sign == "=="))
        else:
            values = _variant_value(value)
            if isinstance(values, tuple) and "*" in values:
                self._fail("either values or a single star", key.end())
            exact = sign.startswith(":") and bool(values) and not isinstance(values, bool)
            variant = Variant(name, values, exact, propagate=sign.endswith("=="))
            self._add_variant(draft, variant, key.start())

    def _set(self, draft: _Draft, settings: dict[str, str], position: int) -> None:
        for name, value in settings.items():
            if name in draft.settings:
                self._fail(f"{name} only once", position)
            is_name = name != "namespace" or _NAMESPACE.fullmatch(value)
            if not value or value.endswith("\\") or not is_name:
                self._fail(f"a valid {name}", position)
            if name in {"os", "target"} and value in _OF_THIS_MACHINE:
                self._fail(f"the name of the {name}; {value} means that of this machine", position)
            draft.settings[name] = value

    def _value(self) -> str:
        """Read a value; as in Spack, a quote after a backslash does not end it."""
        start = self._position
        match = self._take(_QUOTED)
        if match is not None:
            quote, value = match[0][0], match[0][1:-1]
            return value.replace(f"\\{quote}", quote)
        if self._text[start : start + 1] in {"'", '"'}:
            self._fail("a closing quote", len(self._text))
        match = self._take(_BARE) or self._fail("a value")
        if match[0].endswith("\\"):
            self._fail("a character after the backslash")
        return match[0]

    def _edge(self) -> _Edge | None:
        match = self._take(_EDGE)
        if match is None:
            return None
        self._edges += 1
        if self._edges > MAX_DEPENDENCIES:
            self._fail(f"at most {MAX_DEPENDENCIES} dependencies", match.start())
        edge = _Edge(match["sigil"] != "^", match["sigil"] == "%%")
        if match["bracket"]:
            self._edge_attributes(edge)
        self._take(_SPACE)
        provider = self._take(_PROVIDER)
        if provider is not None:
            edge.is_named = True
            edge.virtuals = tuple(sorted({*edge.virtuals, *provider["virtuals"].split(",")}))
        return edge

    def _edge_attributes(self, edge: _Edge) -> None:
        attributes: dict[str, set[str]] = {"deptypes": set(), "virtuals": set()}
        while self._text[self._take_space() : self._position + 1] != "]":
            key = self._take(_KEY) or self._fail("deptypes=, virtuals=, when= or a closing bracket")
            name = key["name"]
            if key["sign"] != "=" or name not in {*attributes, "when"}:
                self._fail("deptypes=, virtuals= or when=", key.start())
            if name == "when":
                edge.when = self._condition(edge, key.start())
                continue
            values = self._value().split(",")
            if name == "deptypes" and not set(values) <= set(DEPENDENCY_TYPES):
                self._fail(f"dependency types out of {', '.join(DEPENDENCY_TYPES)}", key.end())
            if name == "virtuals" and not all(map(VIRTUAL_NAME.fullmatch, values)):
                self._fail("names of virtual packages", key.end())
            attributes[name] = set(values)  # as in Spack, the last one counts
        self._position += 1
        edge.types = tuple(kind for kind in DEPENDENCY_TYPES if kind in attributes["deptypes"])
        edge.virtuals = tuple(sorted(attributes["virtuals"]))

    def _condition(self, edge: _Edge, position: int) -> Node:
        """Read the value of `when=`, which is a spec."""
        if edge.when is not None or self._nested == _MAX_NESTED:
            self._fail("a single when=, and few within each other", position)
        start = self._position
        text = self._value()
        try:
            return _Parser(text, self._nested + 1).parse()
        except SpecSyntaxError as error:
            self._fail(f"a spec as the value of when= ({error})", start)

    def _take_space(self) -> int:
        self._take(_SPACE)
        return self._position


def _settings(name: str, value: str) -> dict[str, str]:
    """Return the attributes that an assignment sets.

    `arch=linux-ubuntu22.04-x86_64` sets three; a part of it that is `None` sets nothing.
    """
    kind = _ARCHITECTURE.get(name, name)
    if kind != "arch":
        return {kind: value}
    parts = value.split("-")
    if len(parts) != 3:
        return {"target": value}
    names = zip(("platform", "os", "target"), parts, strict=True)
    return {part: text for part, text in names if text not in {"", "None"}}


def _variant_value(value: str) -> bool | tuple[str, ...]:
    if value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return () if value == "*" else tuple(sorted(set(value.split(","))))


def _split_flags(value: str) -> tuple[str, ...]:
    """Return the flags in a value; a word without a dash belongs to the flag before it."""
    flags: list[str] = []
    for word in value.split():
        if flags and not word.startswith("-"):
            flags[-1] += f" {word}"
        else:
            flags.append(word)
    return tuple(flags)
