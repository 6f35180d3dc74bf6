"""Spec: one concrete Spack package node with all that it stands on, one document each.

A document holds the node's own JSON; those of its dependencies are documents of their own. With
`edges` and `dependencies`, which name them, any document of Spack can be put together again, and
everything that the whole graph can be asked for is indexed at the node.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from beanie import Document
from pydantic import Field

from models.base import Stored
from models.database.types import Index
from models.specs.spec_fields import SPECS

Scope = Literal["run", "build", "test"]
"""How far a dependency reaches: `run` along link and run edges only; `build` was needed to build
something of it; `test` is reached only along test edges, or edges of no type."""

SCOPES: dict[str, tuple[Scope, ...]] = {
    "run": ("run",),
    "build": ("run", "build"),
    "test": ("run", "build", "test"),
}
"""The scopes that a closure has: what is needed to run is needed to build as well."""

MOST_PROVENANCES = 1000


class SpecEdge(Stored):
    """A direct dependency, in the order of the JSON; a node may have several to another.

    `id` is absent where it is the hash. `missing` is true when the node was not in the file.
    """

    name: str
    version: str | None = None
    version_key: str | None = None
    hash: str
    id: str | None = None
    types: list[str]
    virtuals: list[str]
    missing: bool = False


class SpecDependency(Stored):
    """A node that the spec stands on at any distance, once; in the order of names and hashes.

    `types` and `virtuals` are those of all edges of the graph that lead to it. `id` is absent
    where it is the hash.
    """

    name: str
    version: str
    version_key: str | None
    hash: str
    id: str | None = None
    types: list[str]
    virtuals: list[str]
    scope: Scope
    direct: bool


class SpecCompiler(Stored):
    """A compiler: a node since format 5, an attribute without hash and languages before."""

    name: str
    version: str | None
    version_key: str | None
    hash: str | None
    languages: list[str]


class BuiltAs(Stored):
    """The spec that a spliced one was built as; `known` when its node was in the file."""

    hash: str
    id: str | None = None
    known: bool


class SubmittedForm(Stored):
    """How a document was submitted that does not have just the form in which Spack writes it.

    `frame` is the JSON text of the document with null for its nodes; `order` are the ids of these,
    null where it is that of Spack.
    """

    frame: str
    order: list[str] | None = None


class SpecProvenance(Stored):
    """Where a spec came from, and what is said of it there; only what is said is stored."""

    origin: str
    file: str
    place: str | None = None
    is_root: bool = True
    environment: str | None = None
    is_included: bool = False
    user_spec: str | None = None
    group: str | None = None
    is_explicit: bool | None = None
    is_installed: bool | None = None
    installation_time: float | None = None
    install_path: str | None = None
    deprecated_for: str | None = None
    recorded_origin: str | None = None
    is_in_buildcache: bool | None = None
    is_signed: bool = False


class Tombstone(Stored):
    """What is left of a spec that was deleted by force while others referred to it."""

    name: str
    version: str
    reason: str
    deleted_at: datetime


class SpecRecord(Stored):
    """What a spec document holds.

    `_id` is the DAG hash where the content of the graph follows from it. Where it does not, with
    spliced specs and old formats, it is `<hash>~<digest of the content>`: contents under one hash
    stand beside each other, and in whatever order they come, they have the same ids. `hashes` are
    all hashes that it goes by, `hash_verified` is null where that cannot be told, and then
    `hash_reason` says why.

    `spec` is the node as Spack wrote it; where it cannot be an object of MongoDB, it is null, and
    `spec_text` has its JSON. `key_name` says which hash the edges of its file led by. `variants`
    have names as field names, escaped as in delta keys; `flags` only those that are set.
    `built_with` is the closure of the spec that a spliced one was built as. `missing` are the
    hashes below it that were not in the file: a complete document completes it.

    `is_root` when it was submitted itself, and not only below another; `is_explicit` when any
    source says so. `credentials` are places in `spec` where a credential seems to stand. `extra` is
    for what callers add.
    """

    hash: str
    hashes: list[str]
    full_hash: str | None = None
    build_hash: str | None = None
    key_name: str = "hash"
    hash_verified: bool | None = None
    hash_reason: str = ""
    name: str | None = None
    version: str | None = None
    version_key: str | None = None
    namespace: str | None = None
    platform: str | None = None
    os: str | None = None
    target: str | None = None
    target_family: str | None = None
    format: int | None = None
    is_external: bool = False
    is_spliced: bool = False
    built_as: BuiltAs | None = None
    compilers: list[SpecCompiler] = Field(default_factory=list)
    variants: dict[str, Any] = Field(default_factory=dict)
    flags: dict[str, list[str]] = Field(default_factory=dict)
    edges: list[SpecEdge] = Field(default_factory=list)
    dependencies: list[SpecDependency] = Field(default_factory=list)
    dependency_count: int = 0
    missing: list[str] = Field(default_factory=list)
    built_with: list[SpecDependency] | None = None
    credentials: list[str] = Field(default_factory=list)
    spec: dict[str, Any] | None = None
    spec_text: str | None = None
    is_root: bool = False
    is_explicit: bool | None = None
    forms: list[SubmittedForm] = Field(default_factory=list)
    provenance: list[SpecProvenance] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)
    tombstone: Tombstone | None = None
    ingestion_id: str | None = None
    created_at: datetime
    updated_at: datetime


class Spec(SpecRecord, Document):
    """A document of the collection `specs`."""

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "specs"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("name", 1), ("versionKey", 1), ("_id", 1)], name="name"),
            Index([("hashes", 1)], name="hashes"),
            Index([("versionKey", 1), ("_id", 1)], name="version"),
            Index([("namespace", 1), ("name", 1)], name="namespace"),
            Index([("target", 1), ("name", 1)], name="target"),
            Index([("os", 1), ("name", 1)], name="os"),
            Index([("platform", 1), ("name", 1)], name="platform"),
            Index(
                [("compilers.name", 1), ("compilers.versionKey", 1), ("compilers.hash", 1)],
                name="compiler",
            ),
            Index(
                [
                    ("dependencies.name", 1),
                    ("dependencies.versionKey", 1),
                    ("dependencies.scope", 1),
                    ("dependencies.direct", 1),
                ],
                name="dependency",
            ),
            Index(
                [("dependencies.hash", 1), ("dependencies.scope", 1), ("dependencies.direct", 1)],
                name="dependency hash",
            ),
            Index([("dependencies.virtuals", 1)], name="virtual"),
            Index(
                [("builtWith.name", 1), ("builtWith.versionKey", 1)],
                name="built with",
                partialFilterExpression={"isSpliced": True},
            ),
            Index(
                [("missing", 1)],
                name="missing",
                partialFilterExpression={"missing.0": {"$exists": True}},
            ),
            Index([("provenance.environment", 1)], name="environment", sparse=True),
            Index([("provenance.origin", 1), ("isRoot", 1), ("name", 1)], name="origin"),
            Index(
                [("$**", 1)],
                name="variants and flags",
                wildcardProjection={"variants": 1, "flags": 1},
            ),
            *SPECS.indexes(),
        ]
