"""Spec documents with their provenance: what a file contains, ready to be stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.spack.dag_hash import Verification
from models.spack.graph import Graph, JsonObject, Node
from models.specs.spec_file import Path

Origin = Literal["file", "environment", "install_tree", "mirror", "listing", "upload"]
"""The kind of source of a document; `upload` is set by callers that receive an upload."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The source of a document, and what the source says about it; None where it says nothing.

    `file` is the name that the caller passed, `place` the place of the document in it. Paths are
    relative: `install_path` begins with the directory of the architecture or of the package.
    `installation_time` is in seconds since the epoch. `is_signed` says that there is a signature;
    whether it is valid is not checked.
    """

    origin: Origin
    file: str
    place: str = ""
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


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A node of a file: its place in the file, its key in the graph, and the JSON at the place."""

    path: Path
    key: str
    native: JsonObject


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """A file with many documents, taken apart into its nodes and the frame around them.

        file    {"roots": […], "nodes": {"abc": {"name": "zlib", …}, …}}
        frame   {"roots": […], "nodes": {"abc": null, …}}
        slots   (("nodes", "abc"), "abc", {"name": "zlib", …}), …

    A node that could not be read has no slot and remains in the frame. The frame also keeps
    what is not stored anywhere else, such as absolute paths.
    """

    kind: Literal["lockfile", "database", "listing"]
    file: str
    frame: Any
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SpecDocument:
    """A concrete spec with its graph; `root` is the key of its root in the graph.

    Documents of one container share the graph, which then also has nodes of other documents.
    `submitted` is the JSON of a document that its file contains as such, with all its keys there;
    it is None in a container. `verifications` covers all nodes of the graph, and is shared like it.
    `credentials` are places where a credential seems to be. `may_refer` is false when no object in
    the file has a key `$ref`, which MongoDB's drivers take for a reference.
    """

    graph: Graph
    root: str
    provenance: Provenance
    submitted: JsonObject | None = None
    container: Container | None = None
    credentials: tuple[str, ...] = ()
    may_refer: bool = True
    verifications: Mapping[str, Verification] = field(default_factory=dict)

    @property
    def native(self) -> JsonObject:
        """The document as submitted, or else as Spack would write it; must not be modified."""
        return self.submitted if self.submitted is not None else self.graph.subdocument(self.root)

    @property
    def format(self) -> int:
        """The format version of its file."""
        return self.graph.format

    @property
    def node(self) -> Node:
        """The root node."""
        return self.graph.nodes[self.root]

    @property
    def extra(self) -> JsonObject:
        """The other keys beside the spec in its file, such as the checksum of a binary package."""
        submitted = self.submitted or {}
        return {key: value for key, value in submitted.items() if key != "spec"}

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its nodes, in the order of the document."""
        if self.submitted is not None:
            return tuple(self.graph.nodes)
        return self.graph.document_keys(self.root)

    @property
    def is_complete(self) -> bool:
        """Whether all its dependencies are in the file; listings often omit some."""
        return self.root not in self.graph.incomplete
