"""Values of conditions, parsed from text or JSON according to the type of their field."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from api.filters.conditions import ANY_OF, RANGES, TEXT_ONLY, Operator, Scalar
from models.cases.simulated_date import parse_model_date
from models.configuration.keys import MAX_PARTS
from models.fields import FieldType
from models.spack.version import VersionError, parse_constraint, parse_version

MAX_LENGTH = 256
_INT64 = 2**63
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LOCAL = re.compile(
    r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}(:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?)?)?)?"
)
_EARLIEST = "0001-01-01T00:00:00"
_SIMULATED = re.compile(r"([0-9]{1,9}-[0-9]{1,2}-[0-9]{1,2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2}))?")
_LOGICAL = {"true": True, "t": True, ".true.": True, "false": False, "f": False, ".false.": False}


def operators_of(field_type: FieldType) -> tuple[Operator, ...]:
    """Return the operators that a type has."""
    if field_type == "boolean":
        return ("eq", "ne", "in", "exists")
    if field_type == "list of text":
        return ("eq", "ne", "in", "contains", "startswith", "exists")
    if field_type == "text":
        return ("eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "startswith", "exists")
    if field_type == "target":
        return ("eq", "ne", "in", "startswith", "exists")
    if field_type == "local time":
        return ("eq", "ne", "lt", "lte", "gt", "gte", "in", "startswith", "exists")
    return ("eq", "ne", "lt", "lte", "gt", "gte", "in", "exists")


def read_value(text: str, field_type: FieldType, operator: Operator) -> Scalar:
    """Return the value of a text; ValueError, with the reason, when it is invalid."""
    check_text(text)
    if operator == "exists":
        return _boolean(text)
    if operator in TEXT_ONLY:
        return _not_empty(text)
    if field_type == "version":
        return _version(text, operator)
    return _READERS[field_type](text)


def check_choices(values: Iterable[Scalar], choices: Sequence[str], operator: Operator) -> None:
    """Raise ValueError for a value that the field never has; its text lists the possible ones."""
    if choices and operator in ANY_OF:
        for value in values:
            if value is not None and value not in choices:
                raise ValueError(f"there is no {value!r}, only {', '.join(choices)}")


def read_json_value(value: Any, field_type: FieldType, operator: Operator) -> Scalar:
    """Return a value given in JSON; ValueError, with the reason, when it is invalid."""
    if isinstance(value, bool) or value is None:
        if value is None and operator in ("eq", "ne", "in"):
            return None
        if value is not None and (operator == "exists" or field_type == "boolean"):
            return value
        raise ValueError(f"{value!r} is not a value of type {field_type!r}")
    if isinstance(value, int | float):
        if field_type not in ("integer", "real") or operator == "exists":
            raise ValueError(f"a number is not a value of type {field_type!r}")
        return _READERS[field_type](repr(value))
    if not isinstance(value, str):
        raise ValueError("a value is a string, a number, true, false or null")
    return read_value(value, field_type, operator)


def stored_values(value: Any, operator: Operator) -> tuple[Scalar, ...]:
    """Return the values as which a value of a configuration may be stored.

    No table lists the types of configuration keys. So `5` is the number and the text; `T` and
    `.true.` are the text and the logical value. Raise ValueError when the value is invalid.
    """
    if operator == "exists":
        return (value,) if isinstance(value, bool) else (_boolean(str(value)),)
    if isinstance(value, bool):
        return (value,) if operator not in TEXT_ONLY else (str(value).upper(),)
    if isinstance(value, int | float):
        value = repr(value)
    if not isinstance(value, str):
        raise ValueError("a value is a string, a number, true or false")
    check_text(value)
    if operator in TEXT_ONLY:
        return (_not_empty(value),)
    number = _number_or_none(value)
    if operator in RANGES:
        return (value if number is None else number,)
    alternatives = (number, _LOGICAL.get(value.lower()))
    return (value, *(item for item in alternatives if item is not None))


def check_text(text: str) -> None:
    """Raise ValueError for a text that is too long or that no document can contain."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"longer than {MAX_LENGTH} characters")
    if "\0" in text:
        raise ValueError("a text cannot contain a NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("not valid Unicode") from None


def check_key(key: str) -> str:
    """Return a delta key unchanged; ValueError when it cannot be a path in a document."""
    check_text(key)
    parts = key.split(".")
    if not all(parts) or len(parts) > MAX_PARTS or any(part.startswith("$") for part in parts):
        raise ValueError("not a delta key, such as env_run.ATM_NCPL")
    return key


def _number_or_none(text: str) -> int | float | None:
    try:
        return _integer(text)
    except ValueError:
        pass
    try:
        number = float(re.sub("[dD]", "e", text))  # Fortran writes 1.5D-3
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("an empty text is contained in every text")
    return text


def _text(text: str) -> str:
    return text


def _version(text: str, operator: Operator) -> str:
    """Return a version for an operator of order, or else what may follow `@` in a Spack spec."""
    try:
        _ = parse_version(text) if operator in RANGES else parse_constraint(text)
    except VersionError as error:
        raise ValueError(f"not a version: {error.detail}") from None
    return text


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text) or not -_INT64 <= int(text) < _INT64:
        raise ValueError("not an integer of 64 bits")
    return int(text)


def _real(text: str) -> float:
    number = float(text) if _REAL.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text.lower() == "true"


def _date_time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("not a date-time, such as 2026-01-02T03:04:05Z") from None
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("a date-time out of range") from None


def _local_time(text: str) -> str:
    try:
        if not _LOCAL.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text + _EARLIEST[len(text) :])
    except ValueError:
        message = "not a local time, such as 2025-01-07T19:34:15, or its beginning"
        raise ValueError(message) from None
    return text


def _simulated_date(text: str) -> int:
    match = _SIMULATED.fullmatch(text)
    if match is None:
        raise ValueError("not a simulated date, such as 1850-01-01")
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    second = hours * 3600 + minutes * 60 + seconds
    return parse_model_date(match[1], "GREGORIAN", second).to_stored().sort_key


_READERS: dict[FieldType, Callable[[str], Scalar]] = {
    "text": _text,
    "list of text": _text,
    "target": _text,
    "integer": _integer,
    "real": _real,
    "boolean": _boolean,
    "date-time": _date_time,
    "local time": _local_time,
    "simulated date": _simulated_date,
}
