"""Values of MongoDB Extended JSON: reading those of requests, writing those of responses (relaxed).

Four types are enough, because the documents hold no binary data, decimals or object ids.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from api.aggregation.errors import PipelineError, not_allowed

MAX_CHARACTERS = 4096
_INT32, _INT64 = 2**31, 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_ADVICE = "it must be an ISO 8601 text, or milliseconds in $numberLong"


def read_value(value: Any, place: str) -> Any:
    """Return a constant with its dates and numbers converted; operators are refused."""
    if isinstance(value, list):
        return [read_value(item, f"{place}[{i}]") for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and next(iter(value)).startswith("$"):
        return read_typed(value, place)
    for name in value:
        check_name(name, place)
    return {name: read_value(item, f"{place}.{name}") for name, item in value.items()}


def check_name(name: str, place: str) -> None:
    """Refuse a field name that MongoDB could interpret as something else."""
    if name.startswith("$") or "\0" in name:
        raise PipelineError(place, f"{name[:100]!r} is not the name of a field.")


def is_typed(value: Mapping[str, Any]) -> bool:
    """Return whether an object represents one value, like `{"$date": …}`."""
    return len(value) == 1 and next(iter(value)) in _TYPES


def read_typed(value: Mapping[str, Any], place: str) -> Any:
    """Return the value that an object like `{"$date": …}` represents."""
    ((name, content),) = value.items()
    read = _TYPES.get(name)
    if read is None:
        raise not_allowed(place, "type of a value", name, _TYPES)
    try:
        return read(content)
    except (TypeError, ValueError, OverflowError) as error:
        raise PipelineError(f"{place}.{name}", f"this is not a {name[1:]}: {error}.") from None


def _date(content: Any) -> datetime:
    if isinstance(content, dict):
        if set(content) != {"$numberLong"}:
            raise ValueError(_DATE_ADVICE)
        return _EPOCH + timedelta(milliseconds=_integer(content["$numberLong"], _INT64))
    if not isinstance(content, str):
        raise TypeError(_DATE_ADVICE)
    date = datetime.fromisoformat(content)
    if date.tzinfo is None:
        raise ValueError("it needs an offset, or Z")
    return date.astimezone(UTC)


def _integer(content: Any, limit: int) -> int:
    if not isinstance(content, str) or len(content) > 20:
        raise TypeError("it must be a text of digits")
    number = int(content)
    if not -limit <= number < limit:
        raise ValueError("it has too many digits")
    return number


def _real(content: Any) -> float:
    if not isinstance(content, str) or len(content) > 100:
        raise TypeError("it must be a text")
    return float(content)


_TYPES: Mapping[str, Callable[[Any], Any]] = {
    "$date": _date,
    "$numberDouble": _real,
    "$numberInt": lambda content: _integer(content, _INT32),
    "$numberLong": lambda content: _integer(content, _INT64),
}


def write_value(value: Any) -> Any:
    """Return a value from the database in relaxed Extended JSON."""
    if isinstance(value, dict):
        return {name: write_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [write_value(item) for item in value]
    if isinstance(value, datetime):
        return {"$date": _iso(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$numberDouble": _name_of(value)}
    return value if isinstance(value, _PLAIN) else str(value)


_PLAIN = (str, int, float, type(None))


def _iso(value: datetime) -> str:
    date = value if value.tzinfo else value.replace(tzinfo=UTC)
    precision = "milliseconds" if date.microsecond else "seconds"
    return date.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _name_of(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
