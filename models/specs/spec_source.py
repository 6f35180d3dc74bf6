"""SpecSource: a file that an import has taken whole, so that the next one need not open it.

Whoever deletes specs has all files forgotten, because a file that is read again brings them back.
A mark tells importers that run meanwhile: what they have read may be gone again.
"""

import uuid
from datetime import datetime
from typing import Annotated, Any, ClassVar

from beanie import Document
from pydantic import Field

from models.base import Stored
from models.database.client import Database
from models.database.types import Index

Json = dict[str, Any]

_MARK = "deletions"


class SpecSource(Document):
    """A document of the collection `specSources`; `_id` is a digest of the path.

    Size and times, in nanoseconds, are those that the file had; `reader` is the version that has
    read it, and `items` how many items it found. The mark has a `token` instead.
    """

    model_config = Stored.model_config

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    file: str
    size: int
    modified: int
    changed: int
    reader: str
    items: int
    ingestion_id: str | None
    read_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "specSources"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = []


async def deletions_mark(database: Database) -> str | None:
    """Return what is another text after each deletion."""
    mark = await database.spec_sources.find_one({"_id": _MARK})
    return None if mark is None else str(mark["token"])


async def forget_sources(database: Database) -> None:
    """Have the next import open every file again."""
    sources = database.spec_sources
    await sources.upsert([{"_id": _MARK, "token": uuid.uuid4().hex}])
    await sources.delete({"_id": {"$ne": _MARK}})
