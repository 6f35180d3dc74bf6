"""The one place where an import writes: a case at a time, each in one atomic write."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ingest.assemble import Observation
from ingest.case_store import read_case, store_case
from ingest.fold import Folded, fold
from ingest.patience import Patience
from models.database import Database
from models.errors import WriteConflictError
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
    patience = Patience(_PATIENCE_SECONDS)
    while await patience.lasts():
        before = await read_case(database, key.case_id)
        folded = fold(
            before.record if before else None, key, observations, datetime.now(UTC), tables
        )
        if dry_run or await store_case(database, key.case_id, before, folded.case):
            return folded
    raise WriteConflictError(f"case {key.name}: other importers kept writing it; try again")
