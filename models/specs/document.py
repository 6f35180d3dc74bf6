"""Spec documents with their provenance, as they are handed on to be stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.spack.dag_hash import Verification
from models.spack.graph import Graph, JsonObject, Node
from models.specs.spec_file import Path

Origin = Literal["file", "environment", "install_tree", "mirror", "listing", "upload"]
"""What a document came from; `upload` is for callers that know that it is one."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a document came from, and what is said of it there; None is what is not said.

    `file` is the name that the caller gave, `place` where in it the document stands. Paths are
    relative: `install_path` begins at the directory of the architecture or of the package.
    `installation_time` is in seconds since the epoch. `is_signed` says that there is a signature,
    not that it is valid: nothing checks that here.
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
    """A node of a file: its place in it, its key in the graph, and the JSON that was there."""

    path: Path
    key: str
    native: JsonObject


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """A file that holds many documents: what remains of it without its nodes, and these.

    A node that could not be read is not among the slots: it has stayed in the frame. The frame
    also holds what is not stored otherwise, such as absolute paths.
    """

    kind: Literal["lockfile", "database", "listing"]
    file: str
    frame: Any
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SpecDocument:
    """A concrete spec with its graph; `root` is the key of its root there.

    Documents of one container share the graph, which then has nodes that are not of this document.
    `given` is the JSON of a document that is one in its file, with all the keys that it has there.
    `verifications` has all nodes of the graph, and is shared like it. `may_refer` is false when no
    object in its file has a key `$ref`, which MongoDB's drivers take for a reference.
    """

    graph: Graph
    root: str
    provenance: Provenance
    given: JsonObject | None = None
    container: Container | None = None
    credentials: tuple[str, ...] = ()
    may_refer: bool = True
    verifications: Mapping[str, Verification] = field(default_factory=dict)

    @property
    def native(self) -> JsonObject:
        """The document as it came in, or as Spack would write it; not to be changed."""
        return self.given if self.given is not None else self.graph.subdocument(self.root)

    @property
    def format(self) -> int:
        """The version of the format, of its file."""
        return self.graph.format

    @property
    def node(self) -> Node:
        """The root."""
        return self.graph.nodes[self.root]

    @property
    def extra(self) -> JsonObject:
        """What stands beside the spec in its file, such as the checksum of a binary package."""
        given = self.given or {}
        return {key: value for key, value in given.items() if key != "spec"}

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its nodes in the order in which they are written."""
        if self.given is not None:
            return tuple(self.graph.nodes)
        return self.graph.document_keys(self.root)

    @property
    def is_complete(self) -> bool:
        """Whether all that it depends on is in the file; listings often leave that out."""
        return self.root not in self.graph.incomplete
