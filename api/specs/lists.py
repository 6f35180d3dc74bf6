"""The lists of specs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from api.lists.listing import Document, Item, Listing, View
from api.lists.projection import Selection
from api.specs.lookups import SPEC_LOOKUPS
from api.specs.views import spec_item
from models.database.client import Database
from models.database.collection import Collection
from models.specs.spec_fields import SPECS


def _specs(database: Database) -> Collection:
    return database.specs


def _view_specs(_database: Database) -> View:
    async def view(documents: Sequence[Document], selection: Selection) -> list[Item]:
        return [spec_item(document, selection.roots) for document in documents]

    return view


SPEC_LIST = Listing(SPECS, _specs, _view_specs, scope={"name": {"$gte": ""}}, lookups=SPEC_LOOKUPS)


def dependents_of(query: Mapping[str, Any]) -> Listing:
    """Return the list of the specs that depend on a spec; `query` matches them."""
    return replace(SPEC_LIST, scope=query)
