"""Responses about specs, from stored documents. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.lists.projection import Roots, shown_fields
from models.configuration.keys import unescape_name
from models.specs.spec_fields import SPECS
from models.specs.stored_graph import id_of

Document = Mapping[str, Any]

_ROOTS = dict.fromkeys(field.root for field in SPECS.fields if field.listed)
_DETAIL = (
    "hashes", "fullHash", "buildHash", "hashReason", "hashRule", "builtAs", "edges", "missing",
    "credentials",
)  # fmt: skip


def spec_item(document: Document, roots: Roots = _ROOTS) -> dict[str, Any]:
    """Return the fields `roots` of a spec in a list."""
    item = shown_fields(document, roots)
    if "variants" in item:
        item["variants"] = {unescape_name(k): v for k, v in (item["variants"] or {}).items()}
    return item


def spec_detail(document: Document, contents: Sequence[str]) -> dict[str, Any]:
    """Return a spec in full, except for its dependencies at a distance and its JSON.

    `contents` are the ids of all specs with its hash.
    """
    return {
        **spec_item(document),
        **{name: document[name] for name in _DETAIL},
        "forms": len(document["forms"]),
        "contents": list(contents),
    }


def direct_dependencies(document: Document, types: Iterable[str]) -> list[Document]:
    """Return the direct dependencies along edges of any of the types, or all edges; each once."""
    allowed = set(types)
    direct = {
        id_of(edge)
        for edge in document["edges"]
        if not allowed or not allowed.isdisjoint(edge["types"])
    }
    return [entry for entry in document["dependencies"] if id_of(entry) in direct]
