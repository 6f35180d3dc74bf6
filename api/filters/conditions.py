"""A filter before it is a query: conditions on fields, and boolean combinations of them."""

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
"""Those that take several values: any of them, for `ne` none of them."""

Scalar = str | int | float | bool | datetime | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A field of the table compared with values; all operators but `ANY_OF` have one value."""

    field: Field
    operator: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class DeltaCondition:
    """A value that differs from the canonical one, under this key, compared with values."""

    key: str
    operator: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class ConfigCondition:
    """A value of the configuration, whether canonical or the execution's own."""

    key: str
    operator: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Each of these begins a word of the names."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class All:
    """All of the parts hold; so it is when there are none."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One of the parts holds at least."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Filter"


Filter = Condition | DeltaCondition | ConfigCondition | Words | All | Any | Not
