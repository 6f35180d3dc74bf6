"""Check a client's pipeline, and build the one to run from the parts that were checked.

Only what `api.aggregation.operators` lists is accepted, at any depth. The pipeline to run ends with
a limit.
"""

from dataclasses import replace
from typing import Any

from api.aggregation.errors import PipelineError
from api.aggregation.loops import LOOP_RULES
from api.aggregation.special_operators import TOP_LEVEL
from api.aggregation.stages import MAX_STAGES, PipelineContext, check_stages, count_stages
from api.aggregation.values import MAX_CHARACTERS
from api.aggregation.work import MAX_UNITS

MAX_DEPTH = 32
MAX_OPERATORS = 500
MAX_VALUES = 10_000

Json = dict[str, Any]

# A document that is too large to leave the server would break the connection: fail before that.
_FITS: Json = {"$match": {"$expr": {"$gt": [{"$bsonSize": "$$ROOT"}, 0]}}}


def check_pipeline(value: Any, limit: int) -> list[Json]:
    """Return the pipeline to run, which yields at most `limit` documents.

    `value` is parsed JSON in MongoDB's extended form. PipelineError says where something is not
    allowed, and what is allowed there.
    """
    _check_size(value)
    scope = replace(TOP_LEVEL, share=MAX_UNITS / max(1, _number_of_loops(value)))
    stages, _ = check_stages(value, "pipeline", PipelineContext(scope=scope))
    return [*stages, {"$limit": limit}, _FITS]


def _number_of_loops(value: Any) -> int:
    """Return the number of loops, which share the work that a pipeline may make in a document."""
    if isinstance(value, dict):
        loops = len(value.keys() & LOOP_RULES.keys())
        return loops + sum(_number_of_loops(item) for item in value.values())
    if isinstance(value, list):
        return sum(_number_of_loops(item) for item in value)
    return 0


def _check_size(value: Any) -> None:
    operators = values = 0
    pending = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        values += 1
        if values + len(pending) > MAX_VALUES:
            raise PipelineError("pipeline", f"it has more than {MAX_VALUES} values.")
        if depth > MAX_DEPTH:
            raise PipelineError("pipeline", f"it is nested more than {MAX_DEPTH} levels deep.")
        if isinstance(item, dict):
            for name in item:
                _check_text(name)
                operators += name.startswith("$")
            pending += [(inner, depth + 1) for inner in item.values()]
        elif isinstance(item, list):
            pending += [(inner, depth + 1) for inner in item]
        elif isinstance(item, str):
            _check_text(item)
    for number, limit, what in (
        (operators, MAX_OPERATORS, "operators"),
        (count_stages(value), MAX_STAGES, "stages, including those of inner pipelines"),
    ):
        if number > limit:
            raise PipelineError("pipeline", f"it has {number} {what}; the limit is {limit}.")


def _check_text(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise PipelineError("pipeline", f"a text can have {MAX_CHARACTERS} characters at most.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PipelineError("pipeline", "a text contains a lone surrogate, half a character.")
