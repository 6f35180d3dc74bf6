"""The answers of `/fields`, `/facets` and `/overview`."""

from typing import Any

from api.http.schemas import Answer


class FacetValue(Answer):
    """A value of a field, and the number of documents that have it."""

    value: Any
    count: int


class Facets(Answer):
    """The values of a field, the most frequent first; `isComplete` when there are no others."""

    resource: str
    field: str
    values: list[FacetValue]
    is_complete: bool


class FieldItem(Answer):
    """A field, and how requests can use it; `path` is its path in the documents of MongoDB."""

    name: str
    path: str
    type: str
    description: str
    example: str | None
    filterable: bool
    operators: list[str]
    sortable: bool
    index: str | None


class FieldsOfResource(Answer):
    """The fields of one resource."""

    resource: str
    default_sort: str
    fields: list[FieldItem]


class MonthCount(Answer):
    """The number of jobs that began in a month, `yyyy-mm`."""

    month: str
    count: int


class Overview(Answer):
    """Totals of all records."""

    cases: int
    executions: int
    by_machine: dict[str, int]
    by_status: dict[str, int]
    by_month: list[MonthCount]
    specs: int
    root_specs: int
    builds: int
    builds_by_status: dict[str, int]
