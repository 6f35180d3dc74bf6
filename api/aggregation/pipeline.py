"""A pipeline of a client: what of it is run, or why it is refused.

Only what `api.aggregation.operators` lists is let through, wherever it stands. What is run is made
anew from what was checked, with a limit behind it.
"""

from typing import Any

from api.aggregation.errors import PipelineError
from api.aggregation.stages import MOST_STAGES, PipelineContext, check_stages, count_stages
from api.aggregation.values import MOST_CHARACTERS

MOST_DEPTH = 32
MOST_OPERATORS = 500
MOST_VALUES = 10_000

Json = dict[str, Any]

# A document that is too large to leave the server would end the connection; this fails before.
_FITS: Json = {"$match": {"$expr": {"$gt": [{"$bsonSize": "$$ROOT"}, 0]}}}


def check_pipeline(value: Any, limit: int) -> list[Json]:
    """Return the pipeline to run, which gives `limit` documents at most.

    `value` is parsed JSON, in MongoDB's extended form; PipelineError tells where it holds what it
    may not, and what is allowed there.
    """
    _check_size(value)
    stages, _ = check_stages(value, "pipeline", PipelineContext())
    return [*stages, {"$limit": limit}, _FITS]


def _check_size(value: Any) -> None:
    operators = values = 0
    pending = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        values += 1
        if depth > MOST_DEPTH:
            raise PipelineError("pipeline", f"it is nested more than {MOST_DEPTH} deep.")
        if isinstance(item, dict):
            for name in item:
                _check_text(name)
                operators += name.startswith("$")
            pending += [(inner, depth + 1) for inner in item.values()]
        elif isinstance(item, list):
            pending += [(inner, depth + 1) for inner in item]
        elif isinstance(item, str):
            _check_text(item)
    for number, most, what in (
        (operators, MOST_OPERATORS, "operators"),
        (values, MOST_VALUES, "values"),
        (count_stages(value), MOST_STAGES, "stages, with those of inner pipelines,"),
    ):
        if number > most:
            raise PipelineError("pipeline", f"there are {number} {what} and can be {most}.")


def _check_text(text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise PipelineError("pipeline", f"a text has {MOST_CHARACTERS} characters at most.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PipelineError("pipeline", "a text holds half a character, a lone surrogate.")
