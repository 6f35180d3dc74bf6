"""Audit: keeps the record of an import, with its counters and the problems that it met."""

import re
import shlex
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from models.database.collection import Collection
from models.ingestions.damage import Damage
from models.ingestions.ingestion import (
    MAX_STORED_PROBLEMS,
    Counts,
    ImportProblem,
    IngestionRecord,
    IngestionStatus,
    store_ingestion,
)
from models.redaction.text import masked_text
from models.version import VERSION

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SAVE_SECONDS = 2.0

Progress = Callable[[Counts], None]
"""Receives the counters whenever they have increased."""


class Audit:
    """Keeps the record of one import, in memory and in the collection of ingestions.

    `unreadable` counts the sources that could not be read, or not whole. Without a collection,
    nothing is stored. With a `name`, the first path is hidden: the record has the name instead.
    """

    def __init__(
        self,
        ingestions: Collection | None,
        paths: Sequence[Path | str],
        kind: str,
        progress: Progress,
        ingestion_id: str | None = None,
        name: str | None = None,
    ) -> None:
        self._hidden = str(paths[0]) if name is not None else None
        self._name = name or ""
        paths = paths if name is None else [name]
        self.id = ingestion_id or str(uuid.uuid4())
        self.is_stored = False
        self.unreadable = 0
        self.record = IngestionRecord(
            source=printable(str(paths[0]) if len(paths) == 1 else shlex.join(map(str, paths))),
            kind=kind,
            started_at=datetime.now(UTC),
            caseledger_version=VERSION,
        )
        self._ingestions = ingestions
        self._progress = progress
        self._started = self._saved = time.monotonic()

    async def begin(self) -> None:
        """Store the record, unless it is stored already."""
        if self._ingestions is not None and not self.is_stored:
            self.is_stored = True
            await store_ingestion(self._ingestions, self.id, self.record)

    async def save(self) -> None:
        """Store the present counters, unless that was done within the last 2 seconds."""
        now = time.monotonic()
        if self._ingestions is not None and self.is_stored and now - self._saved > _SAVE_SECONDS:
            self._saved = now
            counts = self.record.counts.stored()
            await self._ingestions.update({"_id": self.id}, {"$set": {"counts": counts}})

    async def finish(self, status: IngestionStatus) -> None:
        """Store how the import ended.

        A record that was never stored, and has no problems, is not stored now either.
        """
        if self.record.problem_count:
            await self.begin()
        self.record.status = status
        self.record.finished_at = self.record.alive_at = datetime.now(UTC)
        self.record.seconds = round(time.monotonic() - self._started, 3)
        if self._ingestions is not None and self.is_stored:
            await self._ingestions.update({"_id": self.id}, {"$set": self.record.stored()})

    def count(self, outcome: str, number: int = 1) -> None:
        """Add to one of the counters."""
        counts = self.record.counts
        setattr(counts, outcome, getattr(counts, outcome) + number)
        self._progress(counts)

    def reject(self, path: str, reason: str, detail: str) -> None:
        """Count an item as rejected, and note the reason."""
        self.count("rejected")
        self.note(path, None, reason, detail)

    def note(self, path: str, file: str | None, reason: str, detail: str) -> None:
        """Note something that could not be used.

        Of more than `MAX_STORED_PROBLEMS`, the others are only counted.
        """
        self.record.problem_count += 1
        if len(self.record.problems) < MAX_STORED_PROBLEMS:
            problem = ImportProblem(
                path=self._shown(masked_text(path)),
                file=None if file is None else printable(masked_text(file)),
                reason=reason,
                detail=self._shown(masked_text(detail)),
            )
            self.record.problems.append(problem)

    def note_damages(self, damages: Sequence[Damage], *, is_partial: bool = False) -> None:
        """Note the damage of one source, and count the source as unreadable.

        With `is_partial`, the source has been counted before.
        """
        self.unreadable += bool(damages) and not is_partial
        for damage in damages:
            self.note(damage.path, None, damage.reason, damage.detail)

    def _shown(self, text: str) -> str:
        """Return a text that can be stored, with the path that is to be hidden replaced."""
        return printable(text if self._hidden is None else text.replace(self._hidden, self._name))

    def final_status(self) -> IngestionStatus:
        """Return the status of an import that reached its end."""
        counts = self.record.counts
        if self.unreadable and not counts.discovered:
            return "failed"
        return "partial" if self.unreadable or counts.rejected else "completed"


def printable(text: str) -> str:
    """Return the text in a form that can be stored, sent and shown, at most 2000 characters.

    Bytes that are not UTF-8 and control characters are replaced by escapes.
    """
    plain = text.encode("utf-8", "backslashreplace").decode()[:2000]
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), plain)
