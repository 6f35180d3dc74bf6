"""Filters, before they become queries: conditions on fields, and boolean combinations of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from models.fields import Field

Operator = Literal[
    "eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "startswith", "exists"
]  # fmt: skip
OPERATORS: tuple[Operator, ...] = get_args(Operator)
RANGES: frozenset[Operator] = frozenset({"lt", "lte", "gt", "gte"})
TEXT_ONLY: frozenset[Operator] = frozenset({"contains", "startswith"})
ANY_OF: frozenset[Operator] = frozenset({"eq", "ne", "in"})
"""The operators that take several values: any of them has to match, for `ne` none of them."""

Scalar = str | int | float | bool | datetime | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A field of the table compared with values; operators outside `ANY_OF` have one value."""

    field: Field
    operator: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class DeltaCondition:
    """The value of a key that differs from the canonical configuration, compared with values."""

    key: str
    operator: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class ConfigCondition:
    """A value of the configuration, canonical or set by the execution, compared with values."""

    key: str
    operator: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """A search: each of these words is the beginning of a word of the names."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class All:
    """A filter that matches when all of its parts do, or when it has none."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """A filter that matches when at least one of its parts does."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A filter that matches when its part does not."""

    part: "Filter"


Filter = Condition | DeltaCondition | ConfigCondition | Words | All | Any | Not
