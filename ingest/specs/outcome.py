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
from typing import Any

from models.errors import ParseError
from models.spack.graph import Graph, JsonObject, SpecError
from models.specs.document import Slot, SpecDocument
from models.specs.spec_file import Path


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
