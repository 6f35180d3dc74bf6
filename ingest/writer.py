"""The one place where an import writes: a case at a time, each in one atomic write."""

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from ingest.assemble import Observation
from ingest.case_store import read_case, store_case
from ingest.fold import Folded, fold
from models.database import Database
from models.errors import DatabaseError
from models.identity import CaseKey
from models.tables import Tables

_PATIENCE_SECONDS = 90
"""Longer than MongoDB keeps the documents of a client that was killed while it wrote them."""


async def write_case(
    database: Database,
    key: CaseKey,
    observations: Sequence[Observation],
    *,
    dry_run: bool = False,
    tables: Tables | None = None,
) -> Folded:
    """Fold executions into their case and store it; return the case and what became of each.

    Other importers may write the same case meanwhile: a writer replaces only the revision that it
    read, and otherwise folds again into what is there now.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    for attempt in itertools.count():
        before = await read_case(database, key.case_id)
        folded = fold(
            before.record if before else None, key, observations, datetime.now(UTC), tables
        )
        if dry_run or await store_case(database, key.case_id, before, folded.case):
            return folded
        if time.monotonic() > until:
            break
        await asyncio.sleep(random.uniform(0, min(1.0, 0.01 * 2 ** min(attempt, 10))))  # noqa: S311
    raise DatabaseError(f"case {key.name}: other importers kept writing it; try again")
