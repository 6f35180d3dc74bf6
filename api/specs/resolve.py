"""Stored specs by the name in a URL: an id, a hash, or a hash prefix."""

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
from models.specs.stored_graph import MAX_PREFIX_MATCHES, StoredGraph, find_ids, load_graph

Document = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9]{1,64}(~[a-z0-9]{1,32})?")
_WHOLE_HASH = 32
_DESCRIBED = ("hash", "name", "version", "namespace", "isRoot", "isSpliced", "hashVerified")


class AmbiguousError(Exception):
    """Several specs have a hash with this prefix, or several contents have the same hash."""

    def __init__(self, candidates: Sequence[Document]) -> None:
        super().__init__()
        self.candidates = candidates


SpecName = Annotated[
    str,
    Path(
        alias="hash",
        description="The id of a spec, one of its hashes, or a prefix of one.",
        examples=["a4hji6e"],
        max_length=100,
    ),
]


@dataclass(frozen=True, slots=True)
class MatchingSpecs:
    """All specs that a name may refer to, and all hashes of these."""

    specs: Sequence[Document]
    hashes: Sequence[str]


async def resolve_spec_id(database: Database, name: str) -> str:
    """Return the id of the one spec that a name refers to.

    That is the spec with this id, or else the only spec with a hash that begins with the name. Of
    several contents under one hash, it is the only one that has that hash.
    Raise AmbiguousError when there are several, 404 when there is none, 410 when it was deleted.
    """
    candidates = await _candidates(database, name)
    exact = [spec for spec in candidates if spec["_id"] == name.lower()]
    verified = [spec for spec in candidates if _is_content_of(spec, name)]
    matches = exact or (verified if len(verified) == 1 else candidates)
    if not matches:
        raise not_found("spec", name)
    if len(matches) > 1:
        raise AmbiguousError(matches)
    if (tombstone := matches[0].get("tombstone")) is not None:
        raise _gone(matches[0]["_id"], tombstone)
    return str(matches[0]["_id"])


async def resolve_specs(database: Database, name: str) -> MatchingSpecs:
    """Return all specs that a name may refer to, to find the builds or executions of any of them.

    These can outlive the specs, or exist before them: a whole hash need not be that of a recorded
    spec. Raise 404 when nothing matches a prefix, 422 when too many specs match.
    """
    candidates = await _candidates(database, name)
    if len(candidates) > MAX_PREFIX_MATCHES:
        raise bad_value(
            "hash", f"more than {MAX_PREFIX_MATCHES} specs have a hash that begins with this"
        )
    hashes = {spec_hash for spec in candidates for spec_hash in spec["hashes"]}
    if len(name) == _WHOLE_HASH:
        hashes.add(name.lower())
    if not hashes:
        raise not_found("spec", name)
    return MatchingSpecs(candidates, sorted(hashes))


def _is_content_of(spec: Document, name: str) -> bool:
    """Return whether the name is the whole hash of a spec, whose content has that hash."""
    return spec["hash"] == name.lower() and spec.get("hashVerified") is True


async def _candidates(database: Database, name: str) -> list[Document]:
    """Return the specs that a name may refer to; deleted ones only when no other matches."""
    if _NAME.fullmatch(name) is None:
        raise bad_value("hash", "it is neither a hash nor an id of a spec")
    specs = await find_ids(database, name.lower())
    return [spec for spec in specs if spec.get("tombstone") is None] or specs


async def _spec_id(database: DatabaseDep, name: SpecName) -> str:
    return await resolve_spec_id(database, name)


SpecId = Annotated[str, Depends(_spec_id)]


async def read_spec(database: Database, spec_id: str) -> Document:
    """Return a stored spec; 404 when it does not exist, or has been deleted concurrently."""
    document = await database.specs.find_one({"_id": spec_id, "tombstone": None})
    if document is None:
        raise not_found("spec", spec_id)
    return document


async def read_graph(database: Database, spec_id: str) -> StoredGraph:
    """Return a stored spec with the nodes of all its dependencies; 404 when it does not exist."""
    graph = await load_graph(database, spec_id)
    if graph is None:
        raise not_found("spec", spec_id)
    return graph


def on_ambiguous(request: Request, error: Exception) -> Response:
    """Return the 300 response that lists the specs a name may refer to, with the URL of each."""
    assert isinstance(error, AmbiguousError)
    base = request.url.path.partition("/specs/")[0] + "/specs"
    items = [
        {
            "id": spec["_id"],
            **{name: spec.get(name) for name in _DESCRIBED},
            "isDeleted": spec.get("tombstone") is not None,
            "href": f"{base}/{spec['_id']}",
        }
        for spec in error.candidates
    ]
    is_complete = len(items) <= MAX_PREFIX_MATCHES
    response = json_response({"items": items[:MAX_PREFIX_MATCHES], "isComplete": is_complete})
    response.status_code = HTTPStatus.MULTIPLE_CHOICES
    return response


def incomplete_error(error: CaseledgerError) -> ProblemError:
    """Return the 409 for a document some of whose nodes are not stored."""
    return ProblemError(
        HTTPStatus.CONFLICT, "incomplete", "Not all of it is stored", f"{error}; import it again."
    )


def _gone(spec_id: str, tombstone: Mapping[str, Any]) -> ProblemError:
    label = f"{tombstone['name']}@{tombstone['version']}"
    reason = f": {tombstone['reason']}" if tombstone["reason"] else ""
    facts = {name: str(tombstone[name]) for name in ("name", "version", "reason", "deletedAt")}
    return ProblemError(
        HTTPStatus.GONE,
        "deleted",
        "It was deleted",
        f"{label} /{spec_id} was deleted at {tombstone['deletedAt']:%Y-%m-%dT%H:%M:%SZ}{reason}.",
        [facts],
    )
