"""Responses about builds, from stored documents. Pure."""

from typing import Any

from api.lists.projection import Document, Roots, shown_fields

_HIDDEN_OF_BUILD = (
    "events", "eventWords", "searchWords", "fingerprints", "versionKey", "toldBy", "reported",
)  # fmt: skip


def build_item(build: Document, roots: Roots) -> dict[str, Any]:
    """Return the fields `roots` of a build in a list."""
    return shown_fields(build, roots)


def build_detail(build: Document) -> dict[str, Any]:
    """Return all fields of a build's document, except for its events and internal fields."""
    hidden = {"_id", *_HIDDEN_OF_BUILD}
    kept = {name: value for name, value in build.items() if name not in hidden}
    return {"id": build["_id"], **kept}
