"""The lists of builds."""

from collections.abc import Sequence
from dataclasses import replace

from api.builds.lookups import BUILD_LOOKUPS
from api.builds.views import build_item
from api.lists.listing import Document, Item, Listing, View
from api.lists.projection import Selection
from models.builds.build_fields import BUILDS
from models.database.client import Database
from models.database.collection import Collection


def _builds(database: Database) -> Collection:
    return database.builds


def _view_builds(_database: Database) -> View:
    async def view(documents: Sequence[Document], selection: Selection) -> list[Item]:
        return [build_item(document, selection.roots) for document in documents]

    return view


BUILD_LIST = Listing(BUILDS, _builds, _view_builds, lookups=BUILD_LOOKUPS)


def builds_of_spec(hashes: Sequence[str]) -> Listing:
    """Return the list of the builds of specs, given all their hashes."""
    return replace(BUILD_LIST, scope={"specHash": {"$in": list(hashes)}})
