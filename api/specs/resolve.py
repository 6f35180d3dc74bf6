"""Stored specs by what people call them: an id, a hash, or its beginning."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response

from api.dependencies import DatabaseDep
from api.http.errors import ProblemError, bad_value, not_found
from api.http.responses import json_response
from models.database.client import Database
from models.errors import CaseledgerError
from models.specs.stored_graph import MOST_PREFIXED, StoredGraph, find_ids, load_graph

Document = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9]{1,64}(~[a-z0-9]{1,32})?")
_WHOLE_HASH = 32
_DESCRIBED = ("hash", "name", "version", "namespace", "isRoot", "isSpliced", "hashVerified")


class AmbiguousError(Exception):
    """Several specs have hashes that begin so, or several contents stand under one hash."""

    def __init__(self, found: Sequence[Document]) -> None:
        super().__init__()
        self.found = found


SpecName = Annotated[
    str,
    Path(
        alias="hash",
        description="The id of a spec, or one of its hashes, or the beginning of one.",
        examples=["a4hji6e"],
        max_length=100,
    ),
]


@dataclass(frozen=True, slots=True)
class MeantSpecs:
    """All specs that a name may mean, and all hashes that they go by."""

    specs: Sequence[Document]
    hashes: Sequence[str]


async def find_spec_id(database: Database, name: str) -> str:
    """Return the id of the spec that is meant.

    It is the one of this id, or else the only one with a hash that begins so: AmbiguousError when
    there are several. 404 when there is none, 410 when it was deleted.
    """
    found = await _candidates(database, name)
    exact = [each for each in found if each["_id"] == name.lower()]
    chosen = exact or found
    if not chosen:
        raise not_found("spec", name)
    if len(chosen) > 1:
        raise AmbiguousError(chosen)
    if (tombstone := chosen[0].get("tombstone")) is not None:
        raise _gone(chosen[0]["_id"], tombstone)
    return str(chosen[0]["_id"])


async def find_meant_specs(database: Database, name: str) -> MeantSpecs:
    """Return the specs that may be meant, for what refers to any of them, which outlives them.

    404 when there are none, 422 when there are too many. A whole hash, though, may be that of a
    spec which is not recorded.
    """
    found = await _candidates(database, name)
    if len(found) > MOST_PREFIXED:
        raise bad_value("hash", f"more than {MOST_PREFIXED} specs have hashes that begin so")
    hashes = {own for each in found for own in each["hashes"]}
    if len(name) == _WHOLE_HASH:
        hashes.add(name.lower())
    if not hashes:
        raise not_found("spec", name)
    return MeantSpecs(found, sorted(hashes))


async def _candidates(database: Database, name: str) -> list[Document]:
    """Return the specs that a name may mean; deleted ones only when it means no other."""
    if _NAME.fullmatch(name) is None:
        raise bad_value("hash", "neither a hash nor an id of a spec")
    found = await find_ids(database, name.lower())
    return [each for each in found if each.get("tombstone") is None] or found


async def _spec_id(database: DatabaseDep, name: SpecName) -> str:
    return await find_spec_id(database, name)


SpecId = Annotated[str, Depends(_spec_id)]


async def read_spec(database: Database, spec_id: str) -> Document:
    """Return a stored spec; 404 when it is gone meanwhile."""
    document = await database.specs.find_one({"_id": spec_id, "tombstone": None})
    if document is None:
        raise not_found("spec", spec_id)
    return document


async def read_graph(database: Database, spec_id: str) -> StoredGraph:
    """Return a stored spec with the nodes below it."""
    graph = await load_graph(database, spec_id)
    if graph is None:
        raise not_found("spec", spec_id)
    return graph


def on_ambiguous(request: Request, error: Exception) -> Response:
    """Return the answer that several specs may be meant, with the address of each."""
    assert isinstance(error, AmbiguousError)
    base = request.url.path.partition("/specs/")[0] + "/specs"
    items = [
        {
            "id": each["_id"],
            **{name: each.get(name) for name in _DESCRIBED},
            "isDeleted": each.get("tombstone") is not None,
            "href": f"{base}/{each['_id']}",
        }
        for each in error.found
    ]
    is_complete = len(items) <= MOST_PREFIXED
    response = json_response({"items": items[:MOST_PREFIXED], "isComplete": is_complete})
    response.status_code = HTTPStatus.MULTIPLE_CHOICES
    return response


def incomplete(error: CaseledgerError) -> ProblemError:
    """Return the error that nodes of a document are not there."""
    return ProblemError(
        HTTPStatus.CONFLICT, "incomplete", "Not all of it is stored", f"{error}; import it again."
    )


def _gone(spec_id: str, tombstone: Mapping[str, Any]) -> ProblemError:
    named = f"{tombstone['name']}@{tombstone['version']}"
    reason = f": {tombstone['reason']}" if tombstone["reason"] else ""
    told = {name: str(tombstone[name]) for name in ("name", "version", "reason", "deletedAt")}
    return ProblemError(
        HTTPStatus.GONE,
        "deleted",
        "It was deleted",
        f"{named} /{spec_id} was deleted at {tombstone['deletedAt']:%Y-%m-%dT%H:%M:%SZ}{reason}.",
        [told],
    )
