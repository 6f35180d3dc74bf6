"""The answers about specs."""

from datetime import datetime
from typing import Any, Literal

from api.http.schemas import Answer
from models.specs.spec import BuiltAs, SpecCompiler, SpecDependency, SpecEdge, SpecProvenance


class SpecItem(Answer):
    """A spec in a list; `hash` is its DAG hash, under which several contents may stand."""

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
    """A spec: `edges` are its direct dependencies, `forms` how many ways it was submitted.

    `contents` are the ids of all that stands under its hash. `missing` are hashes below it that no
    document has told. `credentials` are places in its JSON where a credential seems to stand.
    """

    hashes: list[str]
    full_hash: str | None
    build_hash: str | None
    hash_reason: str
    built_as: BuiltAs | None
    edges: list[SpecEdge]
    missing: list[str]
    credentials: list[str]
    forms: int
    contents: list[str]


class SpecChoice(Answer):
    """One of the specs that a hash, or its beginning, may mean."""

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
    """All that a hash, or its beginning, may mean; the first hundred when not `isComplete`."""

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
    """A node that an edge leads to and that is not stored; `id` is its hash, or begins with it."""

    id: str
    name: str


class Dag(Answer):
    """The graph of a spec; its root is the first of the nodes.

    `missing` are nodes that edges lead to and that are not stored, with all that is below them.
    """

    root: str
    nodes: list[DagNode]
    edges: list[DagEdge]
    missing: list[MissingNode]


class Dependencies(Answer):
    """What a spec stands on."""

    items: list[SpecDependency]


class NamedSpec(Answer):
    """A spec by its names."""

    id: str
    hash: str
    name: str
    version: str


class SpecChange(Answer):
    """Something that is not the same: a field, `variant.<name>`, `flag.<name>`, `edge.<name>`.

    The edge to a package is told with its types and virtuals; null on the side that has it not.
    """

    what: str
    left: Any
    right: Any


class ChangedSpec(Answer):
    """A package that both have, not in the same way."""

    left: NamedSpec
    right: NamedSpec
    changes: list[SpecChange]


class SpecSection(Answer):
    """What differs in a part of the graphs; `added` is on the right only, `removed` on the left."""

    added: list[NamedSpec]
    removed: list[NamedSpec]
    changed: list[ChangedSpec]


class MissingNodes(Answer):
    """The nodes of two specs that are not stored."""

    left: list[MissingNode]
    right: list[MissingNode]


class SpecComparison(Answer):
    """Two specs: their own differences, those of what runs with them, and of what built them only.

    `shared` are the nodes that both stand on. Nothing is told of the `missing` ones, which are not
    stored, and of what is below them.
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
    """What a spec was built as; `known` when that spec is recorded."""

    hash: str
    id: str
    known: bool


class Swap(Answer):
    """A node that was built with, and what runs in its place; null for none."""

    built: NamedSpec | None
    deployed: NamedSpec | None


class Splice(NamedSpec):
    """How a spec came to run with others than it was built with: empty when it does not.

    `chain` leads from it to what it was built as, and on; `spliced_below` are the spliced nodes
    that it stands on.
    """

    is_spliced: bool
    chain: list[SpliceStep]
    swapped: list[Swap]
    spliced_below: list[NamedSpec]


class SpecOutcomeItem(Answer):
    """What became of one item of an upload; `place` is where in the body it stands."""

    outcome: Literal["created", "updated", "unchanged", "rejected"]
    place: str
    id: str | None
    hash: str | None
    name: str | None
    version: str | None
    reason: str | None
    detail: str | None


class SpecUpload(Answer):
    """What became of all items of an upload, in their order.

    `files` are the digests by which lockfiles, database indexes and listings can be read back.
    """

    ingestion_id: str
    items: list[SpecOutcomeItem]
    files: list[str]


class SpecFileItem(Answer):
    """A file of many specs; `spec_count` is how many nodes of it are specs."""

    digest: str
    kind: Literal["lockfile", "database", "listing"]
    file: str
    format: int
    spec_count: int
    ingestion_id: str | None
    created_at: datetime
