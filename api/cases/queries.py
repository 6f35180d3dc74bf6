"""Single executions and revisions, from the documents of their case."""

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
    """Return a case and one of its executions, wherever it is kept; a 404 when it is not there.

    The execution has `specs`, those that its software resolves to.
    """
    this = {"executions": {"$elemMatch": {"executionId": execution_id}}}
    case = await database.cases.find_one({"_id": case_id}, {**CASE_OF_EXECUTION_PROJECTION, **this})
    if case is None:
        raise not_found("case", case_id)
    found = case.get("executions")
    if not found:
        overflow = await database.case_overflows.find_one(
            {"caseId": case_id, "executions.executionId": execution_id}, this
        )
        found = overflow["executions"] if overflow else None
    if not found:
        raise not_found("execution", execution_id)
    return case, {**found[0], "specs": await read_links(database, case_id, execution_id)}


async def read_links(database: Database, case_id: str, execution_id: str) -> list[Document]:
    """Return the specs that an execution is linked with: what is derived of its software."""
    own_id = listed_id(case_id, execution_id)
    listed = await database.executions.find_one({"_id": own_id}, {"specs": 1})
    return list((listed or {}).get("specs") or ())
