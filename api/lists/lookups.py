"""Conditions of lists that are looked up first: software in Spack's syntax, files, event texts."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.filters.parse import search
from api.filters.values import check_text
from api.http.errors import bad_parameter, bad_value
from api.specs.query_parameters import QUESTIONS, REPEATABLE, spec_query
from api.specs.software_search import (
    Query,
    builds_of,
    ran_above,
    ran_on,
    was_built_with,
    was_deployed_with,
)
from models.builds.manifest import manifests_with
from models.database.client import Database

MOST_MANIFESTS = 10_000

_SCHEMAS: Mapping[bool, dict[str, Any]] = {
    False: {"type": "string"},
    True: {"type": "array", "items": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """A parameter of a list that is no field of its table; `find` returns its query.

    Those of specs are found together: some say how far the others reach.
    """

    name: str
    description: str
    example: str
    find: Callable[[Database, str, str], Awaitable[Query]] | None = None
    is_repeatable: bool = False

    @property
    def parameter(self) -> dict[str, Any]:
        """What the OpenAPI document says of it."""
        return {
            "name": self.name,
            "in": "query",
            "required": False,
            "description": self.description,
            "schema": _SCHEMAS[self.is_repeatable],
            "example": [self.example] if self.is_repeatable else self.example,
        }


def lookups_in(resource: str, parameters: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those of the parameters that are looked up, in sorted order."""
    known = {lookup.name for lookup in LOOKUPS.get(resource, ())}
    return sorted(item for item in parameters if item[0] in known)


async def look_up(database: Database, resource: str, given: Sequence[tuple[str, str]]) -> Query:
    """Return the query that the parameters make, all of which have to hold."""
    if resource == "specs":
        return await spec_query(database, given)
    known = {lookup.name: lookup.find for lookup in LOOKUPS.get(resource, ())}
    found = []
    for name, text in given:
        try:
            check_text(text)
        except ValueError as error:
            raise bad_value(name, str(error)) from None
        find = known[name]
        assert find is not None
        found.append(await find(database, name, text))
    return found[0] if len(found) == 1 else {"$and": found} if found else {}


async def _installed(database: Database, parameter: str, path: str) -> Query:
    if path in ("", "*") or path.startswith("/"):
        raise bad_parameter(parameter, "A file is given by its path below the prefix: lib/libz.a.")
    digests = await manifests_with(database, path=path, limit=MOST_MANIFESTS + 1)
    if len(digests) > MOST_MANIFESTS:
        raise bad_value(parameter, f"more than {MOST_MANIFESTS:,} manifests have such a file")
    return {"manifest.digest": {"$in": digests}}


async def _event_text(_database: Database, parameter: str, text: str) -> Query:
    words = search(text, parameter).words
    return {"$and": [{"eventWords": {"$regex": f"^{re.escape(word)}"}} for word in words]}


LOOKUPS: Mapping[str, tuple[Lookup, ...]] = {
    "specs": tuple(
        Lookup(name, description, example, is_repeatable=name in REPEATABLE)
        for name, (description, example) in QUESTIONS.items()
    ),
    "builds": (
        Lookup(
            "package",
            "Builds of such specs, in Spack's syntax; variants and dependencies are known of specs"
            " that are recorded.",
            "netcdf-c@4.4: %gcc",
            builds_of,
        ),
        Lookup(
            "file",
            "Builds that installed this file, by its path below the prefix; with `*` at the end,"
            " all paths that begin so.",
            "lib/libz.a",
            _installed,
        ),
        Lookup(
            "eventText",
            "Words; each begins a word of the errors and warnings, or of their source files.",
            "undefined reference",
            _event_text,
        ),
    ),
    "executions": (
        Lookup(
            "software",
            "Executions that ran on such a spec, in Spack's syntax.",
            "netcdf-c@4.4: %intel",
            ran_on,
        ),
        Lookup(
            "dependsOn",
            "Executions that ran on such a spec, directly or beneath what they loaded, along link"
            " and run dependencies.",
            "zlib@:1.2.12",
            ran_above,
        ),
        Lookup(
            "builtWith",
            "Executions that were built with such a spec: it is stated of them, or what they ran"
            " on was built with it.",
            "cmake@3.20:",
            was_built_with,
        ),
        Lookup(
            "deployedWith",
            "Executions that ran on such a spec, directly or beneath; a spec of which it is only"
            " stated that they were built with it does not count.",
            "zlib@1.3",
            was_deployed_with,
        ),
    ),
}
"""The look-ups of each resource that has any."""
