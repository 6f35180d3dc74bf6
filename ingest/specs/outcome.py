"""What comes out of a file of Spack: spec documents with their provenance, and what was refused.

Three kinds of files hold documents. A spec file is one document, which is given as it came in. A
lockfile, a database and a listing hold a flat map of nodes, in which all documents share what they
have in common. Their documents are views: a root in the graph of the file, from which `native`
makes the JSON that Spack would write for it, without a copy of any node. So that nothing of such a
file is lost, its `Container` keeps the frame, that is the file with null where each node was, and
the nodes by their places: `restore` puts them together again, equal to what came in.

Credentials may stand in what Spack writes (URLs, the environment of an external package). What is
given back must equal what came in, and hashes are over it: so the JSON is never masked. Where in it
a credential seems to stand is told in `credentials`, for whoever decides to whom it is shown. All
that is derived from the JSON here, such as the names of environments, is masked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from models.errors import ParseError
from models.spack.dag_hash import Verification
from models.spack.graph import Graph, JsonObject, Node, SpecError
from models.specs.spec_file import Path, restore

__all__ = [
    "Container",
    "FrameMaker",
    "Origin",
    "Outcome",
    "Path",
    "Provenance",
    "Rejected",
    "Slot",
    "SpecDocument",
    "rejected",
    "restore",
    "signed",
]

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


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that cannot be taken, and why; `reason` is a stable, short word."""

    file: str
    place: str
    reason: str
    detail: str


Outcome = SpecDocument | Rejected


def rejected(file: str, error: ParseError, place: str = "") -> Rejected:
    """Return the outcome of an item that an error was raised for."""
    if isinstance(error, SpecError):
        return Rejected(file, error.path or place, error.reason, error.text)
    return Rejected(file, place, error.reason, error.detail)


def signed(outcome: Outcome) -> Outcome:
    """Return the outcome of an item whose file is signed."""
    if isinstance(outcome, Rejected):
        return outcome
    return replace(outcome, provenance=replace(outcome.provenance, is_signed=True))


@dataclass(slots=True)
class FrameMaker:
    """Takes the nodes out of the JSON of a file, without changing it."""

    slots: list[Slot] = field(default_factory=list)

    def without_nodes(
        self, nodes: Mapping[str, Any], path: Path, graph: Graph, below: str | None = None
    ) -> JsonObject:
        """Return a map of nodes with null for those that are in the graph.

        `below` is the key that a node stands under in its record, where it stands in one.
        """
        frame: JsonObject = {}
        for key, record in nodes.items():
            if key not in graph.nodes:
                frame[key] = record
            elif below is None:
                frame[key] = None
                self.slots.append(Slot((*path, key), key, record))
            else:
                frame[key] = {**record, below: None}
                self.slots.append(Slot((*path, key, below), key, record[below]))
        return frame
