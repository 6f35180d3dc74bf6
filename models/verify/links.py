"""Checking that the links between executions and specs are those that their documents tell."""

from collections.abc import AsyncIterator

from models.database.client import Database
from models.software.links import linked_specs, resolve_software
from models.verify.difference import Difference

_PAGE = 500
_NAMED = {"$or": [
    {"software.0": {"$exists": True}}, {"softwareLinks.0": {"$exists": True}},
    {"specs.0": {"$exists": True}},
]}  # fmt: skip


async def verify_links(database: Database, *, repair: bool = False) -> AsyncIterator[Difference]:
    """Give the executions whose links are not right, having mended them if that is asked for."""
    after = ""
    fields = {"software": 1, "softwareLinks": 1, "specs": 1}
    while page := await database.executions.find(
        {"_id": {"$gt": after}, **_NAMED}, fields, sort=[("_id", 1)], limit=_PAGE
    ):
        right = await linked_specs(database, page)
        wrong = [
            execution["_id"]
            for execution, specs in zip(page, right, strict=True)
            if execution.get("specs", []) != specs
        ]
        for own_id in wrong:
            yield Difference("executions", own_id, "specs")
        if repair:
            await resolve_software(database, wrong)
        after = page[-1]["_id"]
