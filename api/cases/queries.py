"""Queries for one revision or one execution of a case."""

from typing import Any

from api.cases.views import CASE_OF_EXECUTION_PROJECTION
from api.http.errors import not_found
from models.cases.listed_execution import listed_id
from models.database.client import Database

Document = dict[str, Any]


async def read_revision(database: Database, case_id: str) -> int:
    """Return the revision of a case; a 404 when there is no such case."""
    case = await database.cases.find_one({"_id": case_id}, {"revision": 1})
    if case is None:
        raise not_found("case", case_id)
    revision: int = case["revision"]
    return revision


async def read_execution_of_case(
    database: Database, case_id: str, execution_id: str
) -> tuple[Document, Document]:
    """Return a case and one of its executions; a 404 when either does not exist.

    The execution is in the case's document or in one of its overflow documents. Its field `specs`
    holds the specs that its software resolves to.
    """
    matching = {"executions": {"$elemMatch": {"executionId": execution_id}}}
    projection = {**CASE_OF_EXECUTION_PROJECTION, **matching}
    case = await database.cases.find_one({"_id": case_id}, projection)
    if case is None:
        raise not_found("case", case_id)
    executions = case.get("executions")
    if not executions:
        overflow = await database.case_overflows.find_one(
            {"caseId": case_id, "executions.executionId": execution_id}, matching
        )
        executions = overflow["executions"] if overflow else None
    if not executions:
        raise not_found("execution", execution_id)
    return case, {**executions[0], "specs": await read_links(database, case_id, execution_id)}


async def read_links(database: Database, case_id: str, execution_id: str) -> list[Document]:
    """Return the specs that an execution is linked with, which are derived from its software."""
    document_id = listed_id(case_id, execution_id)
    listed = await database.executions.find_one({"_id": document_id}, {"specs": 1})
    return list((listed or {}).get("specs") or ())
