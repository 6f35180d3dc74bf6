"""Writes as values, so that several can be applied together: see `Database.write`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateOne

from models.database.collection import Collection, WriteRequest
from models.database.types import Json


@dataclass(frozen=True, slots=True)
class Insert:
    """Store a new document, whose `_id` must be free."""

    collection: Collection
    document: Json


@dataclass(frozen=True, slots=True)
class Update:
    """Change the one document that matches; without a match the write fails."""

    collection: Collection
    query: Json
    change: Json


@dataclass(frozen=True, slots=True)
class Upsert:
    """Store a document, replacing the one with its `_id` if there is one."""

    collection: Collection
    document: Json


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the document with this `_id`, if there is one."""

    collection: Collection
    id: str


@dataclass(frozen=True, slots=True)
class DeleteAll:
    """Remove all documents that match, possibly none."""

    collection: Collection
    query: Json


Write = Insert | Update | Upsert | Delete | DeleteAll


async def apply_writes(
    collection: Collection, writes: Sequence[Write], session: Any = None
) -> bool:
    """Apply writes to one collection in one unordered batch.

    Return whether every update matched a document. Raise DuplicateError when an `_id` to insert
    exists.
    """
    stored = await collection.bulk_write([_request(write) for write in writes], session)
    return stored == sum(isinstance(write, Update | Upsert) for write in writes)


def _request(write: Write) -> WriteRequest:
    match write:
        case Insert(_, document):
            return InsertOne(document)
        case Update(_, query, change):
            return UpdateOne(query, change)
        case Upsert(_, document):
            return ReplaceOne({"_id": document["_id"]}, document, upsert=True)
        case Delete(_, document_id):
            return DeleteOne({"_id": document_id})
        case DeleteAll(_, query):
            return DeleteMany(query)
