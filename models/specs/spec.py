"""Spec: one concrete Spack package with all its dependencies, stored as one document per node.

A document contains the JSON of its node only; each dependency has a document of its own. Both
`edges` and `dependencies` refer to these documents. So every document of Spack can be
reconstructed, and a node can be found by anything in the graph below it, using indexes.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from models.base import Stored

Scope = Literal["run", "build", "test"]
"""Why a node is in a closure: `run`, it is reached along link and run edges only; `build`, it was
needed to build one of the nodes; `test`, it is reached only along test edges or untyped ones."""

MAX_PROVENANCES = 1000


class SpecEdge(Stored):
    """A direct dependency; a node may have several edges to the same other node.

    Edges are in the order of the JSON. `id` is absent if it equals the hash. `missing` is true when
    the other node was not in the file.
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
    """A dependency at any distance; each node occurs once.

    They are sorted by name and hash. `types` and `virtuals` are those of all edges in the graph
    that lead to the node; `reach_types` and `reach_virtuals` those of the edges that Spack's `^`
    follows, and absent if they are the same. `along` are the types along whose edges alone, each by
    itself, the node is reached. `id` is absent if it equals the hash.
    """

    name: str
    version: str
    version_key: str | None
    hash: str
    id: str | None = None
    types: list[str]
    virtuals: list[str]
    reach_types: list[str] | None = None
    reach_virtuals: list[str] | None = None
    scope: Scope
    direct: bool
    along: list[str] = Field(default_factory=list)


class SpecCompiler(Stored):
    """A compiler: a node since format 5; before, an attribute without hash and languages."""

    name: str
    version: str | None
    version_key: str | None
    hash: str | None
    languages: list[str]


class BuiltAs(Stored):
    """The spec that a spliced one was built as; `known` says that its node was in the file."""

    hash: str
    id: str | None = None
    known: bool


class SubmittedForm(Stored):
    """A form in which a document was submitted.

    It is not stored while the only form is the one in which Spack itself writes the document.
    `frame` is the JSON text of the document with null in place of the nodes. `order` are the ids of
    these nodes, or None for the order in which Spack writes them; an empty order means that `frame`
    is the whole document.
    """

    frame: str
    order: list[str] | None = None


class SpecProvenance(Stored):
    """A source of a spec, and what it says about the spec; unknown fields are not stored."""

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
    """The remains of a spec that was deleted by force while other documents referred to it."""

    name: str
    version: str
    reason: str
    deleted_at: datetime


class SpecRecord(Stored):
    """The content of a spec document.

    * `_id` is the DAG hash if the content of the graph follows from it. Otherwise, for spliced
      specs, old formats and contents of another hash, it is `<hash>~<digest of the content>`. So
      several contents under one hash are stored beside each other, with ids that do not depend on
      the order of their arrival.
    * `hashes` are all hashes of the node. `hash_verified` is None when the hash can be neither
      confirmed nor refuted, and false when the content has another hash; `hash_reason` says why.
      `hash_rule` is the rule by which it is confirmed: see `models.spack.dag_hash`.
    * `spec` is the node as Spack wrote it. If it cannot be an object of MongoDB, it is None and
      `spec_text` has its JSON. `key_name` says which hash the edges in its file referred to.
    * `variants` have their names as field names, escaped like delta keys; `flags` are those set.
    * `built_with` is the closure of the spec that a spliced one was built as.
    * `missing` are the hashes of nodes below it that were not in the file; see
      `models.specs.completion`.
    * `is_root` is true when it was submitted itself, and not only as a dependency; `is_explicit`
      when any source says so.
    * `credentials` are places in `spec` where a credential seems to be.
    * `extra` is for additions by clients.
    """

    hash: str
    hashes: list[str]
    full_hash: str | None = None
    build_hash: str | None = None
    key_name: str = "hash"
    hash_verified: bool | None = None
    hash_reason: str = ""
    hash_rule: str | None = None
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
