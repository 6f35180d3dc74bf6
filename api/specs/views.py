"""From stored specs to the answers of the API. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.lists.projection import Roots, shown_fields
from models.configuration.keys import unescape_name
from models.specs.spec_fields import SPECS
from models.specs.stored_graph import id_of

Document = Mapping[str, Any]

_ROOTS = dict.fromkeys(field.root for field in SPECS.fields if field.listed)
_DETAIL = (
    "hashes", "fullHash", "buildHash", "hashReason", "builtAs", "edges", "missing", "credentials",
)  # fmt: skip


def spec_item(document: Document, roots: Roots = _ROOTS) -> dict[str, Any]:
    """Return the fields `roots` of a spec as a list shows it."""
    item = shown_fields(document, roots)
    if "variants" in item:
        item["variants"] = {unescape_name(k): v for k, v in (item["variants"] or {}).items()}
    return item


def spec_detail(document: Document, contents: Sequence[str]) -> dict[str, Any]:
    """Return a spec with all that is known of it but for its closure and its JSON."""
    return {
        **spec_item(document),
        **{name: document[name] for name in _DETAIL},
        "forms": len(document["forms"]),
        "contents": list(contents),
    }


def direct_dependencies(document: Document, types: Iterable[str]) -> list[Document]:
    """Return the direct dependencies on edges of one of the types, or of any; each once."""
    wanted = set(types)
    direct = {
        id_of(edge)
        for edge in document["edges"]
        if not wanted or not wanted.isdisjoint(edge["types"])
    }
    return [each for each in document["dependencies"] if id_of(each) in direct]
