"""Ingestion: the audit record of one import."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

from beanie import Document
from pydantic import Field

from models.base import Stored
from models.database.collection import Collection
from models.database.types import Index

IngestionStatus = Literal["queued", "running", "completed", "partial", "failed", "interrupted"]

MAX_STORED_PROBLEMS = 10_000


class Counts(Stored):
    """What became of the execution directories: the last five add up to `discovered`."""

    discovered: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    incomplete: int = 0
    rejected: int = 0


COUNTED = tuple(name for name in Counts.model_fields if name != "discovered")


class ImportProblem(Stored):
    """Something that the import met and could not use: where, in which file, and why."""

    path: str
    file: str | None = None
    reason: str
    detail: str


class IngestionRecord(Stored):
    """What the record of an import holds.

    `status` is `queued` before it begins, `partial` when something was rejected or a source could
    not be read to its end, `failed` when nothing could be read, `interrupted` when the user stopped
    the import, or when it was killed: then it had last said at `alive_at` that it is under way.
    """

    source: str
    kind: str
    status: IngestionStatus = "running"
    counts: Counts = Field(default_factory=Counts)
    problems: list[ImportProblem] = Field(default_factory=list)
    problem_count: int = 0
    seconds: float = 0.0
    started_at: datetime
    alive_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    finished_at: datetime | None = None
    caseledger_version: str


class Ingestion(IngestionRecord, Document):
    """A document of the collection `ingestions`; `_id` is the ingestion's id."""

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "ingestions"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("startedAt", -1), ("_id", 1)], name="startedAt"),
            Index([("status", 1), ("startedAt", -1)], name="status"),
            # holds all that totals over all imports need
            Index([("status", 1), *((f"counts.{name}", 1) for name in COUNTED)], name="counts"),
        ]


async def store_ingestion(
    ingestions: Collection, ingestion_id: str, record: IngestionRecord
) -> None:
    """Store the record of an import, replacing what was stored of it."""
    await ingestions.upsert([{"_id": ingestion_id, **record.stored()}])
