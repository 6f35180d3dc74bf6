"""Verification of the links between executions and specs."""

from collections.abc import AsyncIterator

from models.database.client import Database
from models.software.links import linked_specs, resolve_software
from models.verify.difference import Difference

_PAGE = 500
_WITH_SOFTWARE = {"$or": [
    {"software.0": {"$exists": True}}, {"softwareLinks.0": {"$exists": True}},
    {"specs.0": {"$exists": True}},
]}  # fmt: skip


async def verify_links(database: Database, *, repair: bool = False) -> AsyncIterator[Difference]:
    """Yield the executions whose links are wrong; with `repair`, correct them."""
    after = ""
    fields = {"software": 1, "softwareLinks": 1, "specs": 1}
    while page := await database.executions.find(
        {"_id": {"$gt": after}, **_WITH_SOFTWARE}, fields, sort=[("_id", 1)], limit=_PAGE
    ):
        expected = await linked_specs(database, page)
        wrong = [
            execution["_id"]
            for execution, specs in zip(page, expected, strict=True)
            if execution.get("specs", []) != specs
        ]
        for document_id in wrong:
            yield Difference("executions", document_id, "specs")
        if repair:
            await resolve_software(database, wrong)
        after = page[-1]["_id"]
