"""What comes over REST and not from files: cases and executions as JSON, edits, deletion.

It goes through the same folding and the same atomic writes as an import, each with its entry in
the collection of edits.
"""

from collections.abc import Callable, Mapping
from typing import Any

from models.base import Stored
from models.cases.case import CaseRecord
from models.cases.derived import annotate, recompute
from models.cases.edit import Change
from models.cases.edit_log import Author, edit_entry
from models.cases.execution import Execution
from models.cases.store import Rewritten, read_case, remove_case, rewrite_case
from models.configuration.rules import DeltaRules
from models.database.client import Database
from models.database.retry import REQUEST_RETRY_SECONDS, Backoff
from models.errors import ConflictError, NotFoundError, OutdatedError, WriteConflictError


async def edit_case(
    database: Database,
    case_id: str,
    revision: int | None,
    changes: Mapping[str, Any],
    author: Author,
) -> None:
    """Change what people wrote about a case: `changes` by attribute of CaseAnnotations.

    NotFoundError; OutdatedError when the case is no longer at that revision. None is whatever is
    there.
    """

    def edit(case: CaseRecord) -> CaseRecord:
        return annotate(case, case.annotations.model_copy(update=dict(changes)))

    await _edit(database, case_id, revision, edit, author, "edited", None)


async def edit_execution(
    database: Database,
    case_id: str,
    execution_id: str,
    revision: int | None,
    changes: Mapping[str, Any],
    author: Author,
) -> None:
    """Change what people wrote about an execution; errors as for `edit_case`."""

    def edit(case: CaseRecord) -> CaseRecord:
        if case.find_execution(execution_id) is None:
            raise NotFoundError(f"there is no execution {execution_id}")
        edited = [
            _annotated(execution, changes) if execution.execution_id == execution_id else execution
            for execution in case.executions
        ]
        return case.model_copy(update={"executions": edited})

    await _edit(database, case_id, revision, edit, author, "edited", execution_id)


async def pin_canonical(
    database: Database,
    case_id: str,
    revision: int | None,
    execution_id: str | None,
    author: Author,
    rules: DeltaRules,
) -> None:
    """Make an execution the canonical one until it is freed, or free it with None.

    ConflictError when the configuration of the execution is not known.
    """

    def edit(case: CaseRecord) -> CaseRecord:
        if execution_id is None:
            return recompute(case.model_copy(update={"canonical_is_pinned": False}), rules)
        chosen = case.find_execution(execution_id)
        if chosen is None:
            raise NotFoundError(f"there is no execution {execution_id}")
        if not chosen.has_configuration:
            raise ConflictError(f"the configuration of {execution_id} is not known")
        pinned = {"canonical_is_pinned": True, "canonical_execution_id": execution_id}
        return recompute(case, rules, choice=pinned)

    event = "canonical_freed" if execution_id is None else "canonical_pinned"
    await _edit(database, case_id, revision, edit, author, event, execution_id)


async def delete_case(database: Database, case_id: str, author: Author) -> None:
    """Remove a case with all its executions; the entry of that stays."""
    backoff = Backoff(REQUEST_RETRY_SECONDS)
    while await backoff.wait():
        case = await read_case(database, case_id)
        if case is None:
            raise NotFoundError(f"there is no case {case_id}")
        record = case.record
        changes = {
            "name": Change(previous=record.name, current=None),
            "machine": Change(previous=record.machine, current=None),
            "user": Change(previous=record.user, current=None),
            "executionCount": Change(previous=record.execution_count, current=None),
        }
        entry = edit_entry(database, case_id, author, "deleted", changes=changes)
        if await remove_case(database, case_id, case, [entry]):
            return
    raise WriteConflictError("others kept writing the case; try again")


async def delete_execution(
    database: Database, case_id: str, execution_id: str, author: Author, rules: DeltaRules
) -> None:
    """Remove an execution; what is derived from the others is made anew.

    ConflictError when it is the pinned canonical one. An import of its directory brings it back.
    """
    entry = edit_entry(database, case_id, author, "deleted", execution_id)

    def remove(case: CaseRecord | None) -> Rewritten[None]:
        if case is None:
            raise NotFoundError(f"there is no case {case_id}")
        if case.find_execution(execution_id) is None:
            raise NotFoundError(f"there is no execution {execution_id}")
        if case.canonical_is_pinned and case.canonical_execution_id == execution_id:
            raise ConflictError(f"{execution_id} is pinned as canonical; free it first")
        return Rewritten(recompute(case, rules, without=execution_id), None, (entry,))

    await rewrite_case(database, case_id, remove, REQUEST_RETRY_SECONDS)


async def _edit(
    database: Database,
    case_id: str,
    revision: int | None,
    edit: Callable[[CaseRecord], CaseRecord],
    author: Author,
    event: str,
    execution_id: str | None,
) -> None:
    def edited(case: CaseRecord | None) -> Rewritten[None] | None:
        if case is None:
            raise NotFoundError(f"there is no case {case_id}")
        if revision not in (None, case.revision):
            raise OutdatedError(f"the case is at revision {case.revision}")
        after = edit(case)
        changes = _changes(case, after, execution_id)
        entry = edit_entry(database, case_id, author, event, execution_id, changes)
        return Rewritten(after, None, (entry,)) if changes else None

    await rewrite_case(database, case_id, edited, REQUEST_RETRY_SECONDS)


def _changes(before: CaseRecord, after: CaseRecord, execution_id: str | None) -> dict[str, Change]:
    """Return which of the fields that people decide on have changed."""
    old, new = (
        {
            "canonicalExecutionId": case.canonical_execution_id,
            "canonicalIsPinned": case.canonical_is_pinned,
            **_annotations(case, execution_id),
        }
        for case in (before, after)
    )
    return {
        name: Change(previous=old[name], current=new[name])
        for name in new
        if old[name] != new[name]
    }


def _annotations(case: CaseRecord, execution_id: str | None) -> dict[str, Any]:
    execution = case.find_execution(execution_id) if execution_id else None
    annotated: Stored = execution.annotations if execution else case.annotations
    return annotated.stored()


def _annotated(execution: Execution, changes: Mapping[str, Any]) -> Execution:
    annotations = execution.annotations.model_copy(update=dict(changes))
    return execution.model_copy(update={"annotations": annotations})
