"""Ingestion: the audit record of one import."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from models.base import Stored
from models.database.collection import Collection

IngestionStatus = Literal["queued", "running", "completed", "partial", "failed", "interrupted"]

MAX_STORED_PROBLEMS = 10_000


class Counts(Stored):
    """The outcomes of the items that an import found: the last five add up to `discovered`."""

    discovered: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    incomplete: int = 0
    rejected: int = 0


COUNTED = tuple(name for name in Counts.model_fields if name != "discovered")


class ImportProblem(Stored):
    """Something that the import could not use: the path, the file in it, and the reason."""

    path: str
    file: str | None = None
    reason: str
    detail: str


class IngestionRecord(Stored):
    """The contents of the record of an import.

    `status` is `queued` before the import begins, `partial` when something was rejected or a source
    could not be read to its end, `failed` when nothing could be read, and `interrupted` when the
    user stopped the import or it was killed. `alive_at` is the time of its last heartbeat.
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


async def store_ingestion(
    ingestions: Collection, ingestion_id: str, record: IngestionRecord
) -> None:
    """Store the record of an import, replacing what was stored of it.

    `aliveAt` is the time of the database server, as with heartbeats, whatever the clock here says.
    """
    await ingestions.upsert([{"_id": ingestion_id, **record.stored()}])
    await ingestions.update({"_id": ingestion_id}, {"$currentDate": {"aliveAt": True}})
