"""Arguments of operators and stages that several of them have."""

from collections.abc import Collection, Mapping
from typing import Any

from api.aggregation.errors import PipelineError, not_allowed
from api.aggregation.values import read_value


def read_arguments(
    value: Any, place: str, required: Collection[str], optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return named arguments; PipelineError when one is missing or unknown."""
    if not isinstance(value, dict):
        raise PipelineError(place, f"this must be an object with {', '.join(required)}.")
    for name in value:
        if name not in required and name not in optional:
            raise not_allowed(place, "argument", name, [*required, *optional])
    missing = [name for name in required if name not in value]
    if missing:
        raise PipelineError(place, f"{missing[0]} is missing.")
    return value


def check_order(value: Any, place: str) -> Any:
    """Return the order of a `$sort`: fields, each with 1 or -1."""
    is_order = isinstance(value, dict) and value and all(is_direction(v) for v in value.values())
    if not is_order:
        raise PipelineError(place, "this must be an object of fields, each with 1 or -1.")
    return read_value(value, place)


def is_direction(value: Any) -> bool:
    """Return whether a value is 1 or -1, as a number."""
    return type(value) in (int, float) and value in (1, -1)
