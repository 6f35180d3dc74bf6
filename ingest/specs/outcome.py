"""The outcomes of reading a file of Spack: spec documents with their provenance, and rejections.

Three kinds of files contain documents. A spec file is one document, kept as it was submitted. A
lockfile, a database and a listing contain a flat map or list of nodes, in which all documents share
their common nodes. Their documents are views: a root in the graph of the file, from which `native`
makes the JSON that Spack would write for it, without copying any node. So that nothing of such a
file is lost, its `Container` keeps the frame, which is the file with null in place of each node,
and the nodes by their places: `restore` puts both together again, equal to the file.

Files of Spack may contain credentials (in URLs, in the environment of an external package). The
JSON is never masked, because it must be returned equal to what was submitted, and because hashes
are computed over it. `credentials` lists the places in it that seem to hold a credential, for
callers that decide to whom the JSON is shown. All that is derived from the JSON here, such as the
names of environments, is masked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from models.errors import ParseError
from models.json.places import JsonError
from models.spack.graph import Graph, JsonObject
from models.specs.document import Slot, SpecDocument
from models.specs.spec_file import Path


@dataclass(frozen=True, slots=True)
class Rejection:
    """An item that cannot be imported; `reason` is a short, stable word, `place` is in the file."""

    file: str
    place: str
    reason: str
    detail: str


Outcome = SpecDocument | Rejection


def rejection(file: str, error: ParseError, place: str = "") -> Rejection:
    """Return the rejection for an error; `place` is used when the error names none."""
    if isinstance(error, JsonError):
        return Rejection(file, error.path or place, error.reason, error.text)
    return Rejection(file, place, error.reason, error.detail)


def mark_signed(outcome: Outcome) -> Outcome:
    """Return the outcome of an item whose file is signed."""
    if isinstance(outcome, Rejection):
        return outcome
    return replace(outcome, provenance=replace(outcome.provenance, is_signed=True))


@dataclass(slots=True)
class FrameMaker:
    """Separates the frame of a file from its nodes, without changing the file's JSON."""

    slots: list[Slot] = field(default_factory=list)

    def without_nodes(
        self, nodes: Mapping[str, Any], path: Path, graph: Graph, below: str | None = None
    ) -> JsonObject:
        """Return the map of nodes at `path` with null for each node of the graph; keep the nodes.

        The values of the map are the nodes, or records with the node under the key `below`.
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
