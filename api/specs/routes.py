"""`/specs`: concrete specs of Spack, found by any property of their graph."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import DatabaseDep
from api.http.errors import not_found
from api.http.responses import (
    entity_tag,
    is_not_modified,
    json_response,
    not_modified,
    problem_responses,
)
from api.http.schemas import PageOf
from api.lists.listing import ListParameters
from api.lists.parameters import filters_of
from api.specs.lists import SPEC_LIST, dependents_of
from api.specs.query_parameters import parse_closure, parse_dependency_types
from api.specs.resolve import SpecId, incomplete_error, read_graph, read_spec, resolve_spec_id
from api.specs.schemas import (
    Dag,
    Dependencies,
    SpecChoices,
    SpecComparison,
    SpecDetail,
    SpecItem,
    Splice,
)
from api.specs.views import direct_dependencies, spec_detail
from models.specs.comparison import compare_specs, describe_splice
from models.specs.reach import ALL, reach_of
from models.specs.stored_graph import (
    IncompleteSpecError,
    dag,
    dependencies_of,
    dependents_filter,
    dot,
    native_document,
)
from models.specs.tree import tree

router = APIRouter(prefix="/specs", tags=["specs"])

_ERRORS: dict[int | str, dict[str, Any]] = {
    300: {"model": SpecChoices, "description": "Several specs match."},
    **problem_responses(400, 404, 410, 422),
}
_NATIVE_ERRORS = {**_ERRORS, **problem_responses(409)}
_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}
_DOT = {"content": {"text/vnd.graphviz": {"schema": {"type": "string"}}}}

DepType = Annotated[
    str | None,
    Query(
        max_length=30,
        description="`link,run` for what is needed to run; with `build`, also what is needed to"
        " build; `all`, or without this parameter, everything.",
        examples=["link,run"],
    ),
]
Direct = Annotated[
    bool, Query(description="Only direct dependencies, on edges of the types in `deptype`.")
]


@router.get(
    "",
    response_model=PageOf[SpecItem],
    responses=problem_responses(400, 422),
    openapi_extra=filters_of(SPEC_LIST),
)
async def list_specs(database: DatabaseDep, request: Request, params: ListParameters) -> Response:
    """List specs, all recorded nodes, by name and version; `isRoot=true` lists only roots."""
    return await SPEC_LIST.answer(database, request, params)


@router.get("/compare", response_model=SpecComparison, responses=_ERRORS)
async def compare_two_specs(
    database: DatabaseDep,
    left: Annotated[
        str, Query(max_length=100, description="A spec, as in its URL.", examples=["a4hji6e"])
    ],
    right: Annotated[str, Query(max_length=100, description="Another spec.", examples=["zlmn5wq"])],
) -> Response:
    """Compare two specs: packages, versions, variants, compilers and edges."""
    first = await read_graph(database, await resolve_spec_id(database, left))
    second = await read_graph(database, await resolve_spec_id(database, right))
    return json_response(compare_specs(first, second))


@router.get("/{hash}", response_model=SpecDetail, responses=_NATIVE_ERRORS)
async def read_one_spec(
    database: DatabaseDep,
    request: Request,
    spec_id: SpecId,
    format: Annotated[
        Literal["json", "spack", "cyclonedx"],
        Query(
            description="`spack` returns a document equal to the submitted one, `cyclonedx` a bill"
            " of materials of the spec and everything below it."
        ),
    ] = "json",
    form: Annotated[
        int | None,
        Query(
            ge=0,
            le=10_000,
            description="The number, from 0, of one of the forms it was submitted in.",
        ),
    ] = None,
) -> Response:
    """Read one spec by its id, a hash, or a prefix of one; 300 lists all when several match."""
    if format == "spack":
        return await _native(database, spec_id, form)
    if format == "cyclonedx":
        return await _bill(database, spec_id)
    document = await read_spec(database, spec_id)
    tag = spec_tag(document)
    if is_not_modified(request, tag):
        return not_modified(tag)
    same = await database.specs.find({"hashes": document["hash"], "tombstone": None}, {"_id": 1})
    return json_response(spec_detail(document, sorted(spec["_id"] for spec in same)), {"ETag": tag})


@router.get(
    "/{hash}/dag",
    response_model=Dag,
    responses={**_ERRORS, 200: {"description": "The graph.", **_DOT}},
)
async def read_dag(
    database: DatabaseDep,
    spec_id: SpecId,
    deptype: DepType = None,
    format: Annotated[
        Literal["json", "dot"], Query(description="`dot` is the language of Graphviz.")
    ] = "json",
) -> Response:
    """Read the nodes and edges of the graph of a spec."""
    graph, reach = await read_graph(database, spec_id), reach_of(parse_dependency_types(deptype))
    if format == "dot":
        return Response(dot(graph, reach), media_type="text/vnd.graphviz; charset=utf-8")
    return json_response(dag(graph, reach))


@router.get("/{hash}/dependencies", response_model=Dependencies, responses=_ERRORS)
async def list_dependencies(
    database: DatabaseDep, spec_id: SpecId, deptype: DepType = None, direct: Direct = False
) -> Response:
    """List the dependencies of a spec at any distance, by name; each node once."""
    document = await read_spec(database, spec_id)
    items: Sequence[Mapping[str, Any]]
    if direct:
        items = direct_dependencies(document, parse_dependency_types(deptype))
    else:
        items = dependencies_of(document, parse_closure(deptype) or ALL)
    return json_response({"items": items})


@router.get(
    "/{hash}/dependents",
    response_model=PageOf[SpecItem],
    responses=_ERRORS,
    openapi_extra=filters_of(SPEC_LIST),
)
async def list_dependents(
    database: DatabaseDep,
    request: Request,
    params: ListParameters,
    spec_id: SpecId,
    roots: Annotated[
        bool,
        Query(description="Only specs that were recorded themselves, not only as dependencies."),
    ] = False,
) -> Response:
    """List the specs that depend on a spec; `deptype` and `direct` limit the edges followed.

    Without them these are the specs that `^` with its hash finds.
    """
    document = await read_spec(database, spec_id)
    deptype = request.query_params.get("deptype")
    if request.query_params.get("direct") == "true":
        types = parse_dependency_types(deptype)
        query = dependents_filter(document, direct=True, types=types, roots=roots)
    else:
        query = dependents_filter(document, parse_closure(deptype), roots=roots)
    return await dependents_of(query).answer(database, request, params)


@router.get(
    "/{hash}/tree",
    response_model=None,
    response_class=Response,
    responses={**_ERRORS, 200: {"description": "The tree.", **_TEXT}},
)
async def read_tree(
    database: DatabaseDep,
    spec_id: SpecId,
    deptype: DepType = None,
    depth_first: Annotated[
        bool,
        Query(
            description="Show a node where it is first met, not below the nearest that needs it."
        ),
    ] = False,
) -> Response:
    """Read the graph of a spec as a text tree, as `spack spec -l` prints it."""
    graph, reach = await read_graph(database, spec_id), reach_of(parse_dependency_types(deptype))
    text = tree(graph, reach, depth_first=depth_first)
    return Response(text, media_type="text/plain; charset=utf-8")


@router.get("/{hash}/splice", response_model=Splice, responses=_ERRORS)
async def read_splice(database: DatabaseDep, spec_id: SpecId) -> Response:
    """Read the specs as which a spliced spec was built, and which nodes were swapped since."""
    return json_response(describe_splice(await read_graph(database, spec_id)))


def spec_tag(document: dict[str, Any]) -> str:
    """Return the entity tag of a stored spec, from the time of its last update."""
    return entity_tag(document["_id"], int(document["updatedAt"].timestamp() * 1000))


async def _bill(database: DatabaseDep, spec_id: str) -> Response:
    from api.specs.bom import MEDIA_TYPE, spec_bill  # which takes long to import

    bill = await asyncio.to_thread(spec_bill, await read_graph(database, spec_id))
    return Response(bill, media_type=MEDIA_TYPE)


async def _native(database: DatabaseDep, spec_id: str, form: int | None) -> Response:
    graph = await read_graph(database, spec_id)
    forms = max(1, len(graph.documents[spec_id]["forms"]))
    if form is not None and form >= forms:
        raise not_found("form", f"{form} of {spec_id}, which has {forms}")
    try:
        return json_response(native_document(graph, form))
    except IncompleteSpecError as error:
        raise incomplete_error(error) from None
