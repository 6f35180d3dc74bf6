"""From stored builds to the answers of the API. Pure."""

from typing import Any

from api.lists.projection import Document, Roots, shown_fields

_HIDDEN_OF_BUILD = (
    "events", "eventWords", "searchWords", "fingerprints", "versionKey", "toldBy",
)  # fmt: skip


def build_item(build: Document, roots: Roots) -> dict[str, Any]:
    """Return the fields `roots` of a build as a list shows it."""
    return shown_fields(build, roots)


def build_detail(build: Document) -> dict[str, Any]:
    """Return a build with all that its document holds, but for its events."""
    hidden = {"_id", *_HIDDEN_OF_BUILD}
    kept = {name: value for name, value in build.items() if name not in hidden}
    return {"id": build["_id"], **kept}
