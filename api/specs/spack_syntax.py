"""Query parameters in Spack's syntax: one parser and one error for all of them."""

from http import HTTPStatus
from typing import Any

from api.http.errors import ProblemError, bad_value
from models.database.client import Database
from models.spack.query import Node, SpecSyntaxError, parse_query
from models.specs.search import Narrowing, UnanswerableError, spec_filter

Query = dict[str, Any]

SECONDS = 10.0
"""The time limit of a search for specs."""


def parse_spec(parameter: str, text: str) -> Node:
    """Return the spec that a parameter describes; a 422 gives the position, from 0, of an error."""
    if "\0" in text:
        raise bad_value(parameter, "a text cannot contain a NUL")
    try:
        return parse_query(text)
    except SpecSyntaxError as error:
        detail = str(error)
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "bad-spec",
            "Not Spack's syntax",
            f"{parameter}: {detail}",
            [{"parameter": parameter, "position": error.position, "detail": detail}],
        ) from None


async def query_of_spec(
    database: Database,
    parameter: str,
    node: Node,
    narrowing: Narrowing | None = None,
    *,
    refuses_virtual: bool = True,
) -> Query:
    """Return the query for the specs that satisfy `node`; a 422 when it cannot be answered."""
    try:
        return await spec_filter(
            database, node, narrowing, seconds=SECONDS, refuses_virtual=refuses_virtual
        )
    except UnanswerableError as error:
        raise bad_value(parameter, str(error)) from None
