"""The one place where an import writes: a case at a time, each in one atomic write."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ingest.cases.assemble import Observation
from models.cases.case import CaseRecord
from models.cases.identity import CaseKey
from models.cases.merge import Folded, fold
from models.cases.store import Rewritten, read_case, rewrite_case
from models.configuration.rules import Tables
from models.database.client import Database

_PATIENCE_SECONDS = 90
"""Longer than MongoDB keeps the documents of a client that was killed while it wrote them."""


async def write_case(
    database: Database,
    key: CaseKey,
    observations: Sequence[Observation],
    tables: Tables,
    *,
    dry_run: bool = False,
) -> Folded:
    """Fold executions into their case and store it; return the case and what became of each.

    Other importers may write the same case meanwhile: a writer replaces only the revision that it
    read, and otherwise folds again into what is there now.
    """

    def folded_into(case: CaseRecord | None) -> Rewritten[Folded]:
        folded = fold(case, key, observations, datetime.now(UTC), tables)
        return Rewritten(folded.case, folded)

    if dry_run:
        before = await read_case(database, key.case_id)
        return folded_into(before.record if before else None).result
    folded = await rewrite_case(database, key.case_id, folded_into, _PATIENCE_SECONDS)
    assert folded is not None
    return folded
