"""`/specs`: concrete specs of Spack, found by anything in their graph."""

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
from api.specs.query_parameters import read_types, scope_of
from api.specs.resolve import SpecId, find_spec_id, incomplete, read_graph, read_spec
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
from models.specs.comparison import compare_specs, splice_of
from models.specs.stored_graph import (
    IncompleteSpecError,
    dag,
    dependencies_of,
    dependents_filter,
    dot,
    native_document,
    tree,
)

router = APIRouter(prefix="/specs", tags=["specs"])

_ERRORS: dict[int | str, dict[str, Any]] = {
    300: {"model": SpecChoices, "description": "Several specs may be meant."},
    **problem_responses(400, 404, 410, 422),
}
_NATIVE_ERRORS = {**_ERRORS, **problem_responses(409)}
_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}
_DOT = {"content": {"text/vnd.graphviz": {"schema": {"type": "string"}}}}

DepType = Annotated[
    str | None,
    Query(
        max_length=30,
        description="`link,run` for what is needed to run, with `build` all that is needed to"
        " build, with `test` or without it all.",
        examples=["link,run"],
    ),
]
Direct = Annotated[bool, Query(description="Direct ones only; then each type counts by itself.")]


@router.get(
    "",
    response_model=PageOf[SpecItem],
    responses=problem_responses(400, 422),
    openapi_extra=filters_of(SPEC_LIST),
)
async def list_specs(database: DatabaseDep, request: Request, asked: ListParameters) -> Response:
    """List specs by name and version: all nodes that are recorded; `isRoot=true` for the others."""
    return await SPEC_LIST.answer(database, request, asked)


@router.get("/compare", response_model=SpecComparison, responses=_ERRORS)
async def compare_two_specs(
    database: DatabaseDep,
    left: Annotated[
        str, Query(max_length=100, description="A spec, as in its address.", examples=["a4hji6e"])
    ],
    right: Annotated[str, Query(max_length=100, description="Another one.", examples=["zlmn5wq"])],
) -> Response:
    """Tell what differs between two specs: packages, versions, variants, compilers, edges."""
    first = await read_graph(database, await find_spec_id(database, left))
    second = await read_graph(database, await find_spec_id(database, right))
    return json_response(compare_specs(first, second))


@router.get("/{hash}", response_model=SpecDetail, responses=_NATIVE_ERRORS)
async def read_one_spec(
    database: DatabaseDep,
    request: Request,
    spec_id: SpecId,
    format: Annotated[
        Literal["json", "spack"],
        Query(description="`spack` gives the document back equal to what came in."),
    ] = "json",
    form: Annotated[
        int | None,
        Query(ge=0, le=10_000, description="Which of the forms that it was submitted in, from 0."),
    ] = None,
) -> Response:
    """Read one spec by its id, a hash, or the beginning of one; 300 lists them when several."""
    if format == "spack":
        return await _native(database, spec_id, form)
    document = await read_spec(database, spec_id)
    tag = spec_tag(document)
    if is_not_modified(request, tag):
        return not_modified(tag)
    same = await database.specs.find({"hashes": document["hash"], "tombstone": None}, {"_id": 1})
    return json_response(spec_detail(document, sorted(each["_id"] for each in same)), {"ETag": tag})


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
    """Read nodes and edges of the graph of a spec."""
    graph, scope = await read_graph(database, spec_id), scope_of(read_types(deptype))
    if format == "dot":
        return Response(dot(graph, scope), media_type="text/vnd.graphviz; charset=utf-8")
    return json_response(dag(graph, scope))


@router.get("/{hash}/dependencies", response_model=Dependencies, responses=_ERRORS)
async def list_dependencies(
    database: DatabaseDep, spec_id: SpecId, deptype: DepType = None, direct: Direct = False
) -> Response:
    """List what a spec stands on, at any distance, by name; each node once."""
    document, types = await read_spec(database, spec_id), read_types(deptype)
    found = (
        direct_dependencies(document, types)
        if direct
        else dependencies_of(document, scope_of(types))
    )
    return json_response({"items": found})


@router.get(
    "/{hash}/dependents",
    response_model=PageOf[SpecItem],
    responses=_ERRORS,
    openapi_extra=filters_of(SPEC_LIST),
)
async def list_dependents(
    database: DatabaseDep,
    request: Request,
    asked: ListParameters,
    spec_id: SpecId,
    roots: Annotated[
        bool, Query(description="Only specs that came themselves, not only below others.")
    ] = False,
) -> Response:
    """List what stands on a spec; `deptype` and `direct` say along which edges."""
    document = await read_spec(database, spec_id)
    types = read_types(request.query_params.get("deptype"))
    direct = request.query_params.get("direct") == "true"
    scope = "test" if direct else scope_of(types)
    query = dependents_filter(
        document, scope, direct=direct, types=types if direct else (), roots=roots
    )
    return await dependents_of(query).answer(database, request, asked)


@router.get(
    "/{hash}/tree",
    response_model=None,
    response_class=Response,
    responses={**_ERRORS, 200: {"description": "The tree.", **_TEXT}},
)
async def read_tree(database: DatabaseDep, spec_id: SpecId, deptype: DepType = None) -> Response:
    """Read the graph of a spec as a tree in text, as Spack prints it."""
    text = tree(await read_graph(database, spec_id), scope_of(read_types(deptype)))
    return Response(text, media_type="text/plain; charset=utf-8")


@router.get("/{hash}/splice", response_model=Splice, responses=_ERRORS)
async def read_splice(database: DatabaseDep, spec_id: SpecId) -> Response:
    """Read what a spliced spec was built as, and which nodes were swapped since."""
    return json_response(splice_of(await read_graph(database, spec_id)))


def spec_tag(document: dict[str, Any]) -> str:
    """Return the entity tag of a spec as it is now."""
    return entity_tag(document["_id"], int(document["updatedAt"].timestamp() * 1000))


async def _native(database: DatabaseDep, spec_id: str, form: int | None) -> Response:
    graph = await read_graph(database, spec_id)
    forms = max(1, len(graph.documents[spec_id]["forms"]))
    if form is not None and form >= forms:
        raise not_found("form", f"{form} of {spec_id}, which has {forms}")
    try:
        return json_response(native_document(graph, form))
    except IncompleteSpecError as error:
        raise incomplete(error) from None
