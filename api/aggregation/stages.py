"""The stages of a pipeline, checked against the allow-list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from api.aggregation.accumulators import check_accumulators
from api.aggregation.arguments import check_order, read_arguments
from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.expressions import check_expression, check_object
from api.aggregation.growth import MAX_COPIES, add, factor
from api.aggregation.operators import PUBLIC_COLLECTIONS, STAGES
from api.aggregation.queries import check_query
from api.aggregation.scope import Scope
from api.aggregation.special_operators import TOP_LEVEL
from api.aggregation.values import check_name, read_value
from api.aggregation.work import NO_WORK, Work, guarded, units_of

MAX_STAGES = 20
MAX_BUCKETS = 1000
_MAX_UNGUARDED_READS = 6.0
"""The units for each byte of a document that need no guard: a document has 16 MiB at most."""
_INT64 = 2**63
_GATHERING = frozenset({"$addToSet", "$push"})

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """The argument of a stage in the form to run, and the factor by which a document can grow.

    `gathers` means that it makes lists of any length from many documents. `work` is what its
    expressions make within one document, besides their guarded loops.
    """

    value: Any
    growth: int = 1
    gathers: bool = False
    work: Work = NO_WORK


@dataclass(frozen=True, slots=True)
class PipelineContext:
    """The pipelines around a stage: `$facet` and `$lookup` cannot contain themselves.

    `scope` is the scope of the stage's expressions.
    """

    facet: bool = False
    lookup: bool = False
    scope: Scope = TOP_LEVEL


def check_stages(value: Any, place: str, context: PipelineContext) -> tuple[list[Json], int]:
    """Return the stages in the form to run, and the factor by which documents can grow."""
    if not isinstance(value, list):
        raise PipelineError(place, "a pipeline must be a list of stages.")
    stages: list[Json] = []
    growth = 1
    for i, item in enumerate(value):
        inner = f"{place}[{i}]"
        name = _name_of(item, inner)
        stage = _STAGES[name](item[name], f"{inner}.{name}", context)
        growth *= stage.growth
        stages += _guard(stage.work, f"{inner}.{name}", context.scope)
        if stage.gathers:
            context = replace(context, scope=replace(context.scope, gathered=True))
        if growth > MAX_COPIES:
            raise PipelineError(
                f"{inner}.{name}",
                f"documents could become more than {MAX_COPIES} times as large here: copy less, or"
                " use $unwind.",
            )
        stages.append({name: stage.value})
    return stages, growth


def _guard(work: Work, place: str, scope: Scope) -> list[Json]:
    """Return a stage that refuses documents in which another stage would make too much work."""
    if work.units > scope.share:
        raise PipelineError(
            place,
            "this makes too much work within one document: go through less, or use $unwind before.",
        )
    if sum(work.reads.values()) <= _MAX_UNGUARDED_READS:
        return []
    return [{"$match": {"$expr": guarded(True, [(units_of(work), scope.share)], place)}}]


def count_stages(value: Any) -> int:
    """Return the number of stages, including those of inner pipelines."""
    if isinstance(value, dict):
        return sum(count_stages(item) for item in value.values())
    if isinstance(value, list):
        here = sum(isinstance(item, dict) and not item.keys().isdisjoint(STAGES) for item in value)
        return here + sum(count_stages(item) for item in value)
    return 0


def _name_of(stage: Any, place: str) -> str:
    if not isinstance(stage, dict) or len(stage) != 1:
        raise PipelineError(place, "a stage must be an object with one operator.")
    name = str(next(iter(stage)))
    if name not in STAGES:
        raise not_allowed(f"{place}.{name[:100]}", "stage", name, STAGES)
    return name


def _match(value: Any, place: str, context: PipelineContext) -> Stage:
    checked = check_query(value, place, context.scope)
    return Stage(checked.value, work=checked.work)


def _project(value: Any, place: str, context: PipelineContext) -> Stage:
    """Return a projection; a field that is only kept counts as one copy of itself."""
    checked = check_object(_fields(value, place), place, context.scope)
    kept = [{name.partition(".")[0]: 1} for name, item in value.items() if _is_kept(item)]
    return Stage(checked.value, factor(add([checked.copies, *kept])), work=checked.work)


def _is_kept(item: Any) -> bool:
    """Return whether a projection keeps a field: MongoDB takes any number but 0 for true."""
    return type(item) in (bool, int, float) and item != 0


def _set(value: Any, place: str, context: PipelineContext) -> Stage:
    checked = check_object(_fields(value, place), place, context.scope)
    growth = factor(checked.copies, kept=True, replaced=value)
    return Stage(checked.value, growth, work=checked.work)


def _fields(value: Any, place: str) -> Json:
    if not isinstance(value, dict) or not value:
        raise PipelineError(place, "this must be an object of fields.")
    return value


def _unset(value: Any, place: str, _context: PipelineContext) -> Stage:
    names = value if isinstance(value, list) else [value]
    for name in names:
        if not isinstance(name, str):
            raise PipelineError(place, "this must be a field, or a list of fields.")
        check_name(name, place)
    return Stage(value)


def _group(value: Any, place: str, context: PipelineContext) -> Stage:
    fields = _fields(value, place)
    if "_id" not in fields:
        raise PipelineError(place, "_id is missing.")
    key = check_expression(fields["_id"], f"{place}._id", context.scope)
    others = {name: item for name, item in fields.items() if name != "_id"}
    gathered = check_accumulators(others, place, context.scope)
    growth = factor(add([key.copies, gathered.copies]))
    fields = {"_id": key.value, **gathered.value}
    return Stage(fields, growth, _gathers(others), key.work + gathered.work)


def _bucket(value: Any, place: str, context: PipelineContext) -> Stage:
    arguments = read_arguments(value, place, ["groupBy", "boundaries"], ["default", "output"])
    bounds = arguments["boundaries"]
    if not isinstance(bounds, list) or not 2 <= len(bounds) <= MAX_BUCKETS:
        raise PipelineError(
            f"{place}.boundaries", f"this must be a list of 2 to {MAX_BUCKETS} values."
        )
    key = check_expression(arguments["groupBy"], f"{place}.groupBy", context.scope)
    checked: Json = {
        "groupBy": key.value,
        "boundaries": [_constant(b, f"{place}.boundaries[{i}]") for i, b in enumerate(bounds)],
    }
    if "default" in arguments:
        checked["default"] = _constant(arguments["default"], f"{place}.default")
    return _with_output(checked, arguments, place, context.scope, key.work)


def _bucket_auto(value: Any, place: str, context: PipelineContext) -> Stage:
    arguments = read_arguments(value, place, ["groupBy", "buckets"], ["granularity", "output"])
    number = arguments["buckets"]
    if type(number) is not int or not 0 < number <= MAX_BUCKETS:
        raise PipelineError(f"{place}.buckets", f"this must be a number from 1 to {MAX_BUCKETS}.")
    key = check_expression(arguments["groupBy"], f"{place}.groupBy", context.scope)
    checked = {"groupBy": key.value, "buckets": number}
    if "granularity" in arguments:
        checked["granularity"] = _constant(arguments["granularity"], f"{place}.granularity")
    return _with_output(checked, arguments, place, context.scope, key.work)


def _with_output(
    checked: Json, arguments: Mapping[str, Any], place: str, scope: Scope, work: Work
) -> Stage:
    if "output" not in arguments:
        return Stage(checked, work=work)
    inner = f"{place}.output"
    output = check_accumulators(_fields(arguments["output"], inner), inner, scope)
    gathers = _gathers(arguments["output"])
    outputs = checked | {"output": output.value}
    return Stage(outputs, factor(output.copies), gathers, work + output.work)


def _gathers(fields: Json) -> bool:
    """Return whether any of the accumulators makes lists of any length."""
    return any(not item.keys().isdisjoint(_GATHERING) for item in fields.values())


def _constant(value: Any, place: str) -> Any:
    """Return a value that MongoDB does not interpret as an expression."""
    if isinstance(value, list) or (isinstance(value, str) and value.startswith("$")):
        raise PipelineError(place, "this must be a constant.")
    return read_value(value, place)


def _sort_by_count(value: Any, place: str, context: PipelineContext) -> Stage:
    checked = check_expression(value, place, context.scope)
    return Stage(checked.value, factor(checked.copies), work=checked.work)


def _replace_root(value: Any, place: str, context: PipelineContext) -> Stage:
    arguments = read_arguments(value, place, ["newRoot"])
    stage = _replace_with(arguments["newRoot"], f"{place}.newRoot", context)
    return Stage({"newRoot": stage.value}, stage.growth, work=stage.work)


def _replace_with(value: Any, place: str, context: PipelineContext) -> Stage:
    checked = check_expression(value, place, context.scope)
    return Stage(checked.value, factor(checked.copies), work=checked.work)


def _sort(value: Any, place: str, _context: PipelineContext) -> Stage:
    return Stage(check_order(value, place))


def _limit(value: Any, place: str, _context: PipelineContext) -> Stage:
    if type(value) is not int or not 0 < value < _INT64:
        raise PipelineError(place, "this must be a number greater than 0.")
    return Stage(value)


def _skip(value: Any, place: str, _context: PipelineContext) -> Stage:
    if type(value) is not int or not 0 <= value < _INT64:
        raise PipelineError(place, "this must be a number, 0 or greater.")
    return Stage(value)


def _unwind(value: Any, place: str, _context: PipelineContext) -> Stage:
    arguments = {"path": value} if isinstance(value, str) else value
    arguments = read_arguments(
        arguments, place, ["path"], ["includeArrayIndex", "preserveNullAndEmptyArrays"]
    )
    if not isinstance(arguments["path"], str) or arguments["path"].startswith("$$"):
        raise PipelineError(place, 'path must be the path of a field, such as "$executions".')
    if not isinstance(arguments.get("preserveNullAndEmptyArrays", False), bool):
        raise PipelineError(place, "preserveNullAndEmptyArrays must be true or false.")
    if "includeArrayIndex" in arguments:
        _name(arguments["includeArrayIndex"], f"{place}.includeArrayIndex")
    return Stage(dict(arguments))


def _count(value: Any, place: str, _context: PipelineContext) -> Stage:
    return Stage(_name(value, place))


def _name(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise PipelineError(place, "this must be the name of a field.")
    check_name(value, place)
    return value


def _facet(value: Any, place: str, context: PipelineContext) -> Stage:
    if context.facet or context.lookup:
        raise PipelineError(place, "$facet cannot be inside another pipeline.")
    fields = _fields(value, place)
    checked: Json = {}
    total = 0
    for name, pipeline in fields.items():
        check_name(name, place)
        checked[name], growth = check_stages(
            pipeline, f"{place}.{name}", replace(context, facet=True)
        )
        total = max(total, growth)
    return Stage(checked, total, gathers=True)


def _lookup(value: Any, place: str, context: PipelineContext) -> Stage:
    """Return a join by equality; the joined documents can go through a pipeline of their own."""
    if context.lookup:
        raise PipelineError(place, "$lookup cannot be inside another $lookup.")
    arguments = read_arguments(
        value, place, ["from", "localField", "foreignField", "as"], ["pipeline"]
    )
    collection = arguments["from"]
    if not isinstance(collection, str) or collection not in PUBLIC_COLLECTIONS:
        raise not_allowed(f"{place}.from", "collection", str(collection), PUBLIC_COLLECTIONS)
    checked: Json = {"from": collection}
    for name in ("localField", "foreignField", "as"):
        checked[name] = _name(arguments[name], f"{place}.{name}")
    growth = 1
    if "pipeline" in arguments:
        scope = replace(TOP_LEVEL, share=context.scope.share)
        inner = PipelineContext(facet=context.facet, lookup=True, scope=scope)
        checked["pipeline"], growth = check_stages(
            arguments["pipeline"], f"{place}.pipeline", inner
        )
    return Stage(checked, 1 + growth, gathers=True)


_STAGES: Mapping[str, Callable[[Any, str, PipelineContext], Stage]] = {
    "$addFields": _set,
    "$bucket": _bucket,
    "$bucketAuto": _bucket_auto,
    "$count": _count,
    "$facet": _facet,
    "$group": _group,
    "$limit": _limit,
    "$lookup": _lookup,
    "$match": _match,
    "$project": _project,
    "$replaceRoot": _replace_root,
    "$replaceWith": _replace_with,
    "$set": _set,
    "$skip": _skip,
    "$sort": _sort,
    "$sortByCount": _sort_by_count,
    "$unset": _unset,
    "$unwind": _unwind,
}
