"""The response documents for specs."""

from datetime import datetime
from typing import Any, Literal

from api.http.schemas import Answer
from models.specs.spec import BuiltAs, SpecCompiler, SpecDependency, SpecEdge, SpecProvenance


class SpecItem(Answer):
    """A spec in a list; `hash` is its DAG hash, which several contents can share."""

    id: str
    hash: str
    name: str
    version: str
    namespace: str | None
    platform: str | None
    os: str | None
    target: str | None
    target_family: str | None
    compilers: list[SpecCompiler]
    variants: dict[str, Any]
    flags: dict[str, list[str]]
    format: int
    hash_verified: bool | None
    is_external: bool
    is_spliced: bool
    is_root: bool
    is_explicit: bool | None
    dependency_count: int
    provenance: list[SpecProvenance]
    extra: dict[str, Any]
    ingestion_id: str | None
    created_at: datetime
    updated_at: datetime


class SpecDetail(SpecItem):
    """A spec in full: `edges` are its direct dependencies, `forms` counts the submitted forms.

    `contents` are the ids of all specs with its hash. `missing` are hashes of dependencies that no
    document describes. `credentials` are places in its JSON that seem to contain a credential.
    """

    hashes: list[str]
    full_hash: str | None
    build_hash: str | None
    hash_reason: str
    hash_rule: str | None
    built_as: BuiltAs | None
    edges: list[SpecEdge]
    missing: list[str]
    credentials: list[str]
    forms: int
    contents: list[str]


class SpecChoice(Answer):
    """One of the specs that a hash, or a hash prefix, may refer to."""

    id: str
    hash: str
    name: str | None
    version: str | None
    namespace: str | None
    is_root: bool | None
    is_spliced: bool | None
    hash_verified: bool | None
    is_deleted: bool
    href: str


class SpecChoices(Answer):
    """All specs that a hash, or a hash prefix, may refer to; the first 100 unless `isComplete`."""

    items: list[SpecChoice]
    is_complete: bool


class DagNode(Answer):
    """A node of a graph."""

    id: str
    hash: str
    name: str
    version: str
    namespace: str | None
    platform: str | None
    os: str | None
    target: str | None
    is_external: bool


class DagEdge(Answer):
    """An edge of a graph, between ids of nodes."""

    parent: str
    child: str
    types: list[str]
    virtuals: list[str]


class MissingNode(Answer):
    """A node at the end of an edge that is not stored; `id` is its hash, or begins with it."""

    id: str
    name: str


class Dag(Answer):
    """The graph of a spec; its root is the first of the nodes.

    `missing` are nodes at the end of edges that are not stored, nor are their dependencies.
    """

    root: str
    nodes: list[DagNode]
    edges: list[DagEdge]
    missing: list[MissingNode]


class Dependencies(Answer):
    """The dependencies of a spec."""

    items: list[SpecDependency]


class NamedSpec(Answer):
    """A spec identified by id, hash, name and version."""

    id: str
    hash: str
    name: str
    version: str


class SpecChange(Answer):
    """A difference: `what` is a field, `variant.<name>`, `flag.<name>` or `edge.<name>`.

    The value of an edge to a package is its types and virtuals; null on a side without the edge.
    """

    what: str
    left: Any
    right: Any


class ChangedSpec(Answer):
    """A package that both have, with differences."""

    left: NamedSpec
    right: NamedSpec
    changes: list[SpecChange]


class SpecSection(Answer):
    """The differences in a part of the graphs: `added` on the right only, `removed` on the left."""

    added: list[NamedSpec]
    removed: list[NamedSpec]
    changed: list[ChangedSpec]


class MissingNodes(Answer):
    """The nodes of two specs that are not stored."""

    left: list[MissingNode]
    right: list[MissingNode]


class SpecComparison(Answer):
    """Two specs: differences of their roots, of what they run with, and of what only built them.

    `shared` are the nodes that both depend on. Nodes that are `missing`, which are not stored, and
    their dependencies are not compared.
    """

    left: NamedSpec
    right: NamedSpec
    is_equal: bool
    root: list[SpecChange]
    run: SpecSection
    build_only: SpecSection
    shared: list[NamedSpec]
    missing: MissingNodes


class SpliceStep(Answer):
    """A spec as which another was built; `known` means that it is recorded."""

    hash: str
    id: str
    known: bool


class Swap(Answer):
    """A node used for the build, and the node that runs in its place; null for none."""

    built: NamedSpec | None
    deployed: NamedSpec | None


class Splice(NamedSpec):
    """Why a spec runs with other nodes than those of its build; empty when it does not.

    `chain` leads from it to the spec as which it was built, and on; `splicedBelow` are the spliced
    nodes among its dependencies.
    """

    is_spliced: bool
    chain: list[SpliceStep]
    swapped: list[Swap]
    spliced_below: list[NamedSpec]


class SpecOutcomeItem(Answer):
    """The outcome for one item of an upload; `place` is its position in the body."""

    outcome: Literal["created", "updated", "unchanged", "rejected"]
    place: str
    id: str | None
    hash: str | None
    name: str | None
    version: str | None
    reason: str | None
    detail: str | None


class SpecUpload(Answer):
    """The outcomes for all items of an upload, in order.

    `files` are the digests with which lockfiles, database indexes and listings can be read again.
    """

    ingestion_id: str
    items: list[SpecOutcomeItem]
    files: list[str]


class SpecFileItem(Answer):
    """A file with many specs; `specCount` is the number of its nodes that are specs."""

    digest: str
    kind: Literal["lockfile", "database", "listing"]
    file: str
    format: int
    spec_count: int
    ingestion_id: str | None
    created_at: datetime
