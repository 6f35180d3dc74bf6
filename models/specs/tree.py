"""The graph of a spec as a text tree, as `spack spec -l` prints it (lib/spack/spack/tree.py)."""

import json
import re
from collections.abc import Iterator
from typing import Any

from models.spack.graph import FLAGS
from models.specs.node_documents import variant_text
from models.specs.reach import ALL, Reach
from models.specs.stored_graph import StoredGraph, id_of, native_node

Json = dict[str, Any]
_Place = tuple[str, str]
"""The id of a node, and the name by which an edge leads to it."""

_INDENT = 4
_SHORT_HASH_LENGTH = 7
_NEEDS_NO_QUOTES = re.compile(r"[a-zA-Z0-9,/_.\[\]-]+")


def tree(graph: StoredGraph, reach: Reach = ALL, *, depth_first: bool = False) -> str:
    """Return the graph of a spec as a tree, one node a line.

    A line begins with seven characters of the hash. Each node occurs once: below the nearest node
    that depends on it, or with `depth_first` where it is first met from top to bottom. Of a node
    that is not stored, only the name is shown.
    """
    below = None if depth_first else _nearest(graph, reach)
    lines: list[str] = []
    seen: set[str] = set()
    stack = [((graph.root, ""), 0)]
    while stack:
        (id_, name), depth = stack.pop()
        if id_ in seen:
            continue
        seen.add(id_)
        document = graph.documents.get(id_)
        mark = " " * (_INDENT * depth) + ("^" if depth else "")
        text = f"{name} (not stored)" if document is None else _format_node(document)
        lines.append(f"{id_[:_SHORT_HASH_LENGTH]}  {mark}{text}")
        children = _children(graph, id_, reach) if below is None else below.get(id_, [])
        stack.extend((child, depth + 1) for child in reversed(children))
    return "\n".join([*lines, ""])


def _children(graph: StoredGraph, id_: str, reach: Reach) -> list[_Place]:
    if id_ not in graph.documents:
        return []
    edges = sorted(graph.edges(id_, reach), key=lambda edge: edge["name"])
    return [(id_of(edge), edge["name"]) for edge in edges]


def _nearest(graph: StoredGraph, reach: Reach) -> dict[str, list[_Place]]:
    """Return the dependencies of each node that no node nearer to the root has, breadth first."""
    below: dict[str, list[_Place]] = {}
    seen = {graph.root}
    level = [graph.root]
    while level:
        following: list[str] = []
        for id_ in level:
            new = {
                child: (child, name)
                for child, name in _children(graph, id_, reach)
                if child not in seen
            }
            seen |= new.keys()
            below[id_] = list(new.values())
            following += new
        level = following
    return below


def _format_node(document: Json) -> str:
    parameters: Json = native_node(document).get("parameters") or {}
    variants = {name: value for name, value in parameters.items() if name not in FLAGS}
    patches = native_node(document).get("patches")
    if isinstance(patches, list) and patches:
        variants["patches"] = [str(patch)[:_SHORT_HASH_LENGTH] for patch in patches]
    switches = "".join(
        f"{'+' if value else '~'}{name}"
        for name, value in sorted(variants.items())
        if isinstance(value, bool)
    )
    parts = [
        *(
            _format_value(name, value)
            for name, value in sorted(variants.items())
            if not isinstance(value, bool)
        ),
        *(f"{name}={document[name]}" for name in ("platform", "os", "target") if document[name]),
    ]
    flags = " ".join(_format_flags(document, parameters))
    flags = f" {flags} " if flags else ""  # with the blank that Spack writes after flags
    return " ".join([f"{document['name']}@={document['version']}{flags}{switches}", *parts])


def _format_flags(document: Json, parameters: Json) -> Iterator[str]:
    flags = {name: values for name, values in document["flags"].items() if name in parameters}
    for name, values in sorted(flags.items()):
        yield f"{name}={_quote(' '.join(values))}"


def _format_value(name: str, value: Any) -> str:
    if isinstance(value, list):
        return f"{name}:={_quote(','.join(sorted(map(variant_text, value))))}"
    return f"{name}={_quote(variant_text(value))}"


def _quote(text: str) -> str:
    """Return a value as Spack prints it: a text with a single quote is written like JSON."""
    if _NEEDS_NO_QUOTES.fullmatch(text):
        return text
    return json.dumps(text) if "'" in text else f"'{text}'"
