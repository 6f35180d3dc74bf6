"""The answers of `/ingestions`."""

from datetime import datetime

from api.http.schemas import Answer
from models.ingestions.ingestion import Counts, ImportProblem, IngestionStatus


class IngestionItem(Answer):
    """An import: its counters and its end; `problems` are null in the list of imports."""

    id: str
    source: str
    kind: str
    status: IngestionStatus
    counts: Counts
    problem_count: int
    problems: list[ImportProblem] | None = None
    seconds: float
    started_at: datetime
    alive_at: datetime
    finished_at: datetime | None
    caseledger_version: str


class Lacking(Answer):
    """The positions, from 0, of the directories that are worth uploading."""

    lacking: list[int]
