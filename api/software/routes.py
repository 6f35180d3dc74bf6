"""The links between executions and specs: read from either side, stated, and withdrawn."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints

from api.cases.lists import EXECUTION_LIST
from api.cases.queries import read_execution_of_case
from api.cases.routes import CaseId, ExecutionId
from api.cases.schemas import ExecutionDetail, ExecutionItem
from api.cases.views import execution_detail
from api.dependencies import DatabaseDep
from api.http.bodies import ExecutionName, Strict, body_of, read_body
from api.http.errors import not_found
from api.http.responses import json_response, problem_responses
from api.http.schemas import PageOf
from api.lists.listing import ListParameters
from api.lists.parameters import filters_of
from api.security import CurrentCaller, require
from api.software.schemas import CaseSoftware, ExecutionSoftware
from api.specs.resolve import SpecName, resolve_specs
from api.specs.software_search import executions_linked_to, executions_of_dependents
from models.cases.annotations import Text
from models.cases.edit_log import Author
from models.cases.execution import SoftwareLink, SoftwareRole
from models.cases.software_links import state_link, withdraw_link
from models.database.client import Database
from models.software.stack import case_stacks, shown_stack, stack_of

router = APIRouter(tags=["software"])

_ERRORS = problem_responses(400, 404, 422)
_LINK_ERRORS = problem_responses(400, 401, 403, 404, 413, 415, 422)
_BILL_ERRORS: dict[int | str, dict[str, Any]] = {
    **_ERRORS,
    200: {"content": {"application/vnd.cyclonedx+json": {}}, "description": "The software."},
}
_IN_ORDER = [("orderKey", 1), ("_id", 1)]
_FIELDS = dict.fromkeys(
    ("executionId", "lidTime", "software", "softwareLinks", "specs", "recorded.hasConfiguration"), 1
)
_SPEC_HASH = r"^[a-z0-9]{32}$"
_EXAMPLE: dict[str, Any] = {
    "caseId": "e5910510-1221-5d09-b589-44fe31011269",
    "executionId": "729351.250107-193415",
    "specHash": "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q",
    "role": "built_with",
    "note": "as the build script says",
}


Format = Annotated[
    Literal["json", "cyclonedx"],
    Query(
        description="`cyclonedx` returns a bill of materials: all packages below the specs, with"
        " those that were only needed to build told apart."
    ),
]


class NewSoftwareLink(Strict):
    """A statement that an execution used a spec, which need not be recorded yet."""

    case_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    execution_id: ExecutionName
    spec_hash: Annotated[
        str, Field(pattern=_SPEC_HASH, description="The full DAG hash of the spec.")
    ]
    role: Annotated[SoftwareRole, Field(description="The role of the software for the execution.")]
    note: Text | None = None


@router.get(
    "/specs/{hash}/executions",
    response_model=PageOf[ExecutionItem],
    responses=_ERRORS,
    openapi_extra=filters_of(EXECUTION_LIST),
)
async def list_executions_of_spec(
    database: DatabaseDep,
    request: Request,
    params: ListParameters,
    name: SpecName,
    beneath: Annotated[
        bool,
        Query(
            description="Include executions of specs that need this one, at any distance, to run."
        ),
    ] = False,
) -> Response:
    """List the executions that ran on a spec, or for which it is stated, the latest first.

    When several specs match a hash prefix, the list contains the executions of all of them.
    """
    matching = await resolve_specs(database, name)
    query = executions_linked_to(matching.specs)
    if beneath:
        query = {"$or": [query, await executions_of_dependents(database, matching.hashes)]}
    list_key = f"{request.url.path}?{beneath}"
    return await EXECUTION_LIST.answer(database, request, params, (list_key, query))


@router.get("/cases/{caseId}/software", response_model=CaseSoftware, responses=_BILL_ERRORS)
async def read_case_software(
    database: DatabaseDep,
    caseId: CaseId,  # noqa: N803
    format: Format = "json",
) -> Response:
    """Read the software that the executions of a case ran on, and when it changed."""
    case = await database.cases.find_one({"_id": caseId}, {"name": 1, "machine": 1, "updatedAt": 1})
    if case is None:
        raise not_found("case", caseId)
    listed = await database.executions.find({"caseId": caseId}, _FIELDS, sort=_IN_ORDER)
    if format == "cyclonedx":
        return await _bill(database, case, case["machine"], case["_id"], listed)
    return json_response(case_stacks(case, listed))


@router.get(
    "/cases/{caseId}/executions/{executionId}/software",
    response_model=ExecutionSoftware,
    responses=_BILL_ERRORS,
)
async def read_execution_software(
    database: DatabaseDep,
    caseId: CaseId,  # noqa: N803
    executionId: ExecutionId,  # noqa: N803
    format: Format = "json",
) -> Response:
    """Read the software that an execution ran on."""
    query = {"caseId": caseId, "executionId": executionId}
    execution = await database.executions.find_one(query, _FIELDS)
    case = await database.cases.find_one({"_id": caseId}, {"name": 1, "updatedAt": 1})
    if execution is None or case is None:
        raise not_found("execution", executionId)
    if format == "cyclonedx":
        reference = f"{caseId}/{executionId}"
        return await _bill(database, case, executionId, reference, [execution])
    software = shown_stack(stack_of(execution))
    return json_response({"caseId": caseId, "executionId": executionId, "software": software})


@router.post(
    "/executions/link",
    status_code=HTTPStatus.CREATED,
    response_model=ExecutionDetail,
    responses={
        200: {"model": ExecutionDetail, "description": "The same is already stated."},
        **_LINK_ERRORS,
    },
    dependencies=[require("edit")],
    openapi_extra=body_of(NewSoftwareLink, _EXAMPLE),
)
async def link_execution(
    database: DatabaseDep, request: Request, caller: CurrentCaller
) -> Response:
    """State the software of an execution, where its modules do not show it.

    A spec has a role only once: a statement with another note replaces the first one.
    """
    body = await read_body(request, NewSoftwareLink)
    link = SoftwareLink(
        spec_hash=body.spec_hash,
        role=body.role,
        note=body.note,
        stated_by=caller.name,
        stated_at=datetime.now(UTC),
    )
    author = Author(caller.name)
    changed = await state_link(database, body.case_id, body.execution_id, link, author)
    response = await _execution_response(database, body.case_id, body.execution_id)
    response.status_code = HTTPStatus.CREATED if changed else HTTPStatus.OK
    return response


@router.delete(
    "/executions/link",
    status_code=HTTPStatus.NO_CONTENT,
    response_model=None,
    responses=_LINK_ERRORS,
    dependencies=[require("edit")],
)
async def unlink_execution(
    database: DatabaseDep,
    caller: CurrentCaller,
    caseId: Annotated[  # noqa: N803
        str,
        Query(max_length=100, description="The id of the case.", examples=[_EXAMPLE["caseId"]]),
    ],
    executionId: Annotated[  # noqa: N803
        str, Query(max_length=300, description="The LID of the execution.")
    ],
    specHash: Annotated[  # noqa: N803
        str, Query(pattern=_SPEC_HASH, description="The DAG hash that was stated.")
    ],
    role: Annotated[SoftwareRole, Query(description="The role that was stated.")],
) -> Response:
    """Withdraw a statement about the software of an execution."""
    author = Author(caller.name)
    if not await withdraw_link(database, caseId, executionId, specHash, role, author):
        raise not_found("statement of spec", specHash)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _bill(
    database: Database,
    case: Mapping[str, Any],
    version: str,
    reference: str,
    executions: Sequence[Mapping[str, Any]],
) -> Response:
    from api.software.bill import read_software  # which, with the next, takes long to import
    from api.specs.bom import MEDIA_TYPE, software_bill

    software = await read_software(
        database, reference, case["name"], version, case["updatedAt"], executions
    )
    bill = await asyncio.to_thread(software_bill, software)
    return Response(bill, media_type=MEDIA_TYPE)


async def _execution_response(database: Database, case_id: str, execution_id: str) -> Response:
    case, execution = await read_execution_of_case(database, case_id, execution_id)
    return json_response(execution_detail(case, execution, full=False))
