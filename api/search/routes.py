"""`/fields`, `/facets`, `/query` and `/overview`: searches over all resources."""

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api.builds.lists import BUILD_LIST
from api.cases.lists import CASE_LIST, EXECUTION_LIST
from api.dependencies import DatabaseDep
from api.filters.config_search import find_config_matches
from api.filters.machines import check_machines
from api.filters.parse import parse_filter
from api.filters.tree import parse_tree
from api.filters.values import operators_of
from api.http.errors import bad_parameter, did_you_mean
from api.http.json_body import MAX_QUESTION_VALUES, read_json
from api.http.responses import json_response, problem_responses
from api.lists.listing import SECONDS, ListParameters
from api.lists.parameters import filters_of
from api.lists.query import ListQueryPlan
from api.search.schemas import Facets, FieldsOfResource, Overview
from api.security import require
from api.specs.lists import SPEC_LIST
from models.database.client import Database
from models.database.queries import and_query
from models.fields import Field, FieldTable
from models.resources import RESOURCES

router = APIRouter(tags=["search"])

MAX_VALUES = 1000
_ROOTS = {"provenance.origin": {"$gt": ""}, "isRoot": True}  # along the index of origins
_TYPES_UNLIKE_INDEX = ("list of text", "simulated date", "version")

ResourceName = Literal["cases", "executions", "builds", "specs"]
Resource = Annotated[ResourceName, Query(description="The resource to search.")]

_LISTS = {
    "cases": CASE_LIST,
    "executions": EXECUTION_LIST,
    "builds": BUILD_LIST,
    "specs": SPEC_LIST,
}
_QUERY_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A filter: a condition `{field, op, value}`, `and` or `or` with a list of"
        " filters, or `not` with one filter.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "and": [
                        {"field": "machine", "op": "in", "value": ["pm-cpu", "chrysalis"]},
                        {"not": {"field": "status", "value": "completed"}},
                    ]
                },
            }
        },
    }
}


@router.get("/fields", response_model=list[FieldsOfResource], responses=problem_responses(400))
async def list_fields() -> Response:
    """List the fields to filter and sort by, with types, descriptions, examples and indexes."""
    return json_response([_table_item(table) for table in RESOURCES.values()])


@router.post(
    "/query",
    responses=problem_responses(400, 413, 415, 422),
    response_model=None,
    openapi_extra=_QUERY_BODY,
    dependencies=[require("read")],
)
async def query_resource(
    database: DatabaseDep,
    request: Request,
    params: ListParameters,
    resource: Resource = "executions",
) -> Response:
    """List what a filter in JSON finds; the answer is the same as that of the list of the resource.

    For the next page, post the same filter to `links.next`.
    """
    listing = _LISTS[resource]
    body = await read_json(request, max_values=MAX_QUESTION_VALUES)
    tree = parse_tree(listing.table, body)
    return await listing.answer_filter(database, request, params, tree, body)


@router.get(
    "/facets",
    response_model=Facets,
    responses=problem_responses(400, 422),
    openapi_extra=filters_of(*_LISTS.values()),
)
async def list_facets(
    database: DatabaseDep,
    request: Request,
    field: Annotated[
        str, Query(description="The field whose values are counted.", examples=["machine"])
    ],
    resource: Resource = "executions",
) -> Response:
    """List the values of a field with their counts; the filters are those of the lists."""
    table = RESOURCES[resource]
    chosen = table.by_name.get(field)
    if chosen is None or not chosen.filterable:
        known = [filterable.name for filterable in table.filterable]
        raise bad_parameter(
            "field", f"There is no field {field[:100]!r}{did_you_mean(field, known)}"
        )
    tree = parse_filter(table, request.query_params.multi_items())
    await check_machines(database, tree)
    matches = await find_config_matches(database, table, tree, {})
    listing = _LISTS[resource]
    lookup_parameters = listing.lookups.parameters_in(request.query_params.multi_items())
    limits = and_query(listing.scope, await listing.lookups.find(database, lookup_parameters))
    plan = ListQueryPlan.of(listing.collection(database), table, tree, matches, limits)
    is_whole = plan.query == listing.scope and chosen.type not in _TYPES_UNLIKE_INDEX
    values = await plan.collection.aggregate(
        [*plan.pipeline(), *_facet_stages(chosen)],
        hint=chosen.index if is_whole else None,
        seconds=SECONDS,
    )
    return json_response(
        {
            "resource": resource,
            "field": field,
            "values": [
                {"value": item["_id"], "count": item["count"]} for item in values[:MAX_VALUES]
            ],
            "isComplete": len(values) <= MAX_VALUES,
        }
    )


@router.get("/overview", response_model=Overview, responses=problem_responses(400))
async def read_overview(database: DatabaseDep) -> Response:
    """Read the totals of all records: by machine, by status, by month."""
    return json_response(await _overview(database))


def _facet_stages(field: Field) -> list[dict[str, Any]]:
    """Return the stages that count values: a date as its text, a list as each of its elements."""
    path = field.stored
    shown = path.replace(".sortKey", ".date").replace("versionKey", "version")  # as items show it
    is_list = field.type == "list of text"
    return [
        *([{"$unwind": f"${path.partition('.')[0]}"}] if is_list else []),
        {"$group": {"_id": {"$ifNull": [f"${shown}", None]}, "count": {"$sum": 1}}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": MAX_VALUES + 1},
    ]


async def _overview(database: Database) -> dict[str, Any]:
    """Return the totals; indexes contain all that they need, so that no document is read."""
    return {
        **await _execution_totals(database),
        "specs": await database.specs.estimated_count(),
        "rootSpecs": await database.specs.count(_ROOTS, seconds=SECONDS),
        **await _build_totals(database),
    }


async def _build_totals(database: Database) -> dict[str, Any]:
    groups = await database.builds.aggregate(
        [{"$group": {"_id": "$status", "count": {"$sum": 1}}}], hint="by status", seconds=SECONDS
    )
    counts = {group["_id"] or "unknown": group["count"] for group in groups}
    return {"builds": sum(counts.values()), "buildsByStatus": dict(sorted(counts.items()))}


async def _execution_totals(database: Database) -> dict[str, Any]:
    fields = {"machine": "$machine", "status": "$status"}
    month = {"$substrBytes": ["$lidTime", 0, 7]}
    groups = await database.executions.aggregate(
        [
            {"$project": {"_id": 0, "machine": 1, "status": 1, "lidTime": 1}},
            {"$group": {"_id": {**fields, "month": month}, "count": {"$sum": 1}}},
        ],
        hint="overview",
        seconds=SECONDS,
    )
    totals: dict[str, Counter[str]] = {name: Counter() for name in ("machine", "status", "month")}
    for group in groups:
        for name, counter in totals.items():
            counter[group["_id"][name]] += group["count"]
    return {
        "cases": await database.cases.estimated_count(),
        "executions": totals["status"].total(),
        "byMachine": dict(sorted(totals["machine"].items())),
        "byStatus": dict(sorted(totals["status"].items())),
        "byMonth": [
            {"month": key, "count": count} for key, count in sorted(totals["month"].items())
        ],
    }


def _table_item(table: FieldTable) -> dict[str, Any]:
    return {
        "resource": table.resource,
        "defaultSort": table.default_sort,
        "fields": [_field_item(field) for field in table.fields],
    }


def _field_item(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "path": field.stored,
        "type": field.type,
        "description": field.description,
        "example": field.example or None,
        "filterable": field.filterable,
        "operators": list(operators_of(field.type)) if field.filterable else [],
        "sortable": field.sortable,
        "index": field.index,
    }
