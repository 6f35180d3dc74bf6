"""Lookup parameters: parameters of a list whose query requires a search in the database.

An example is `software=zlib@1.2.11` on executions: first the specs that match it are found, then
the executions that are linked to them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.filters.values import check_text
from api.http.errors import bad_value
from models.database.client import Database
from models.database.queries import and_query

Query = dict[str, Any]
Parameters = Sequence[tuple[str, str]]

_SCHEMAS: Mapping[bool, dict[str, Any]] = {
    False: {"type": "string"},
    True: {"type": "array", "items": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """A lookup parameter, and how the OpenAPI document describes it."""

    name: str
    description: str
    example: str
    is_repeatable: bool = False

    @property
    def parameter(self) -> dict[str, Any]:
        """The parameter object of the OpenAPI document."""
        return {
            "name": self.name,
            "in": "query",
            "required": False,
            "description": self.description,
            "schema": _SCHEMAS[self.is_repeatable],
            "example": [self.example] if self.is_repeatable else self.example,
        }


@dataclass(frozen=True, slots=True)
class Lookups:
    """The lookup parameters of a list; `find` returns the query for all that a request contains."""

    lookups: tuple[Lookup, ...]
    find: Callable[[Database, Parameters], Awaitable[Query]]

    def parameters_in(self, parameters: Parameters) -> list[tuple[str, str]]:
        """Return the lookup parameters among the parameters of a request, in sorted order."""
        names = {lookup.name for lookup in self.lookups}
        return sorted(item for item in parameters if item[0] in names)


Finder = Callable[[Database, str, str], Awaitable[Query]]
"""Returns the query for the name and the text of one parameter; raises a 422 when it is invalid."""


def separate_lookups(finders: Mapping[Lookup, Finder]) -> Lookups:
    """Return lookups that find the query of each parameter independently; all have to match."""
    by_name = {lookup.name: finder for lookup, finder in finders.items()}

    async def find(database: Database, parameters: Parameters) -> Query:
        return and_query(
            *[await _find(database, by_name[name], name, text) for name, text in parameters]
        )

    return Lookups(tuple(finders), find)


async def _find(database: Database, finder: Finder, name: str, text: str) -> Query:
    try:
        check_text(text)
    except ValueError as error:
        raise bad_value(name, str(error)) from None
    return await finder(database, name, text)


NO_LOOKUPS = separate_lookups({})
