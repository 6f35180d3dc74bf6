"""Edits: what people change in recorded cases: annotations, the canonical choice, and deletion.

Each edit is written atomically, as an import is, together with its entry in the collection `edits`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from models.base import Stored
from models.cases.case import CaseRecord
from models.cases.derived import annotate, recompute
from models.cases.edit import Change
from models.cases.edit_log import Author, edit_entry
from models.cases.execution import Execution
from models.cases.store import CaseRewrite, read_case, remove_case, rewrite_case
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
    """Change the annotations of a case; `changes` has new values by attribute of CaseAnnotations.

    Raise NotFoundError when the case does not exist, OutdatedError when it is not at `revision`;
    None means any revision.
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
    """Change the annotations of an execution; parameters and errors as for `edit_case`."""

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
    """Pin an execution as the canonical one; None frees the choice again.

    Raise ConflictError when the configuration of the execution is unknown; other errors as for
    `edit_case`.
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
    """Remove a case with all its executions; its entries in the log of edits remain.

    Raise NotFoundError when it does not exist.
    """
    async with database.turns.turn(f"case {case_id}", REQUEST_RETRY_SECONDS):
        backoff = Backoff(REQUEST_RETRY_SECONDS)
        while await backoff.wait():
            case = await read_case(database, case_id)
            if case is None:
                raise NotFoundError(f"there is no case {case_id}")
            changes = _last_facts(case.record)
            entry = edit_entry(database, case_id, author, "deleted", changes=changes)
            if await remove_case(database, case_id, case, [entry]):
                return
    raise WriteConflictError("others kept writing the case; try again")


def _last_facts(case: CaseRecord) -> dict[str, Change]:
    """Return what the entry of a deletion says of the case that is gone."""
    return {
        "name": Change(previous=case.name, current=None),
        "machine": Change(previous=case.machine, current=None),
        "user": Change(previous=case.user, current=None),
        "executionCount": Change(previous=case.execution_count, current=None),
    }


async def delete_execution(
    database: Database, case_id: str, execution_id: str, author: Author, rules: DeltaRules
) -> None:
    """Remove an execution, and recompute what is derived from the others.

    An import of its directory brings it back. Raise NotFoundError when it does not exist,
    ConflictError when it is the pinned canonical one.
    """
    entry = edit_entry(database, case_id, author, "deleted", execution_id)

    def remove(case: CaseRecord | None) -> CaseRewrite[None]:
        if case is None:
            raise NotFoundError(f"there is no case {case_id}")
        if case.find_execution(execution_id) is None:
            raise NotFoundError(f"there is no execution {execution_id}")
        if case.canonical_is_pinned and case.canonical_execution_id == execution_id:
            raise ConflictError(f"{execution_id} is pinned as canonical; free it first")
        return CaseRewrite(recompute(case, rules, without=execution_id), None, (entry,))

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
    def rewrite(case: CaseRecord | None) -> CaseRewrite[None] | None:
        if case is None:
            raise NotFoundError(f"there is no case {case_id}")
        if revision not in (None, case.revision):
            raise OutdatedError(f"the case is at revision {case.revision}")
        after = edit(case)
        changes = _changes(case, after, execution_id)
        entry = edit_entry(database, case_id, author, event, execution_id, changes)
        return CaseRewrite(after, None, (entry,)) if changes else None

    await rewrite_case(database, case_id, rewrite, REQUEST_RETRY_SECONDS)


def _changes(before: CaseRecord, after: CaseRecord, execution_id: str | None) -> dict[str, Change]:
    """Return the changed fields among those that people set, by their stored names."""
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
