"""Manifest: the files that builds installed, so that they can be found by path and by content.

A manifest is stored once for all builds that installed the same, in as many documents as it takes.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

import orjson
from beanie import Document
from pydantic import Field

from models.base import Stored
from models.database.client import Database
from models.database.types import Index

ENTRIES_OF_PART = 1000
BYTES_OF_PART = 4 * 2**20
"""Not more text than this is in one document, whose paths may be long."""

EntryType = Literal["file", "dir", "link", "other"]
Entry = dict[str, Any]


class ManifestEntry(Stored):
    """An installed file; `path` is relative to the prefix, `.` for the prefix itself.

    `mode` is st_mode, `hash` base32 of the SHA-1 of the content. `target` is that of a link:
    relative to the link's directory when it is inside the prefix, as it stands otherwise. What is
    not known is left out.
    """

    path: str
    type: EntryType
    mode: int | None = None
    size: int | None = None
    hash: str | None = None
    target: str | None = None


class ManifestPart(Stored, Document):
    """A document of the collection `manifests`; `_id` is digest, slash, `number` from 0.

    The entries are in the order of their paths, which goes on from part to part. `used_at` is
    when a build last began to be written that names it.
    """

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    digest: str
    number: int
    used_at: datetime
    entries: list[ManifestEntry]

    class Settings:
        """Collection and indexes."""

        name = "manifests"
        keep_nulls = False
        indexes: ClassVar[list[Index]] = [
            Index([("digest", 1), ("number", 1)], name="manifest"),
            Index([("entries.path", 1), ("digest", 1)], name="path"),
            Index([("entries.hash", 1), ("digest", 1)], name="hash", sparse=True),
        ]


def manifest_digest(entries: Iterable[Entry]) -> str:
    """Return the digest of entries, given in the order of their paths."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(orjson.dumps(entry, option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest()


def manifest_parts(digest: str, entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    """Give the documents that hold a manifest, one after the other."""
    now = datetime.now(UTC)
    for number, part in enumerate(_shared_out(entries)):
        own = {"_id": f"{digest}/{number}", "digest": digest, "number": number}
        yield {**own, "usedAt": now, "entries": part}


def _shared_out(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    part: list[Entry] = []
    size = 0
    for entry in entries:
        added = len(entry["path"]) + len(entry.get("target") or "")
        if len(part) == ENTRIES_OF_PART or (part and size + added > BYTES_OF_PART // 4):
            yield part
            part, size = [], 0
        part.append(entry)
        size += added
    if part:
        yield part


def _number_of_parts(entries: Iterable[Entry]) -> int:
    return sum(1 for _ in _shared_out(entries))


async def store_manifest(database: Database, digest: str, entries: Iterable[Entry]) -> bool:
    """Store a manifest, unless it is there; tell whether anything had to be stored.

    The entries are gone through twice. Safe to do at the same time, and again after a crash in the
    middle of it.
    """
    parts = await asyncio.to_thread(_number_of_parts, entries)
    own = {"digest": digest}
    await database.manifests.update_all(own, [{"$set": {"usedAt": datetime.now(UTC)}}])
    if await database.manifests.count(own) == parts:
        return False
    for document in manifest_parts(digest, entries):
        await database.manifests.upsert([document])
    return True


async def remove_unused_manifests(database: Database, before: datetime) -> int:
    """Remove the manifests that no build names and no writer has used since; return how many."""
    removed = 0
    unused: Entry = {"usedAt": {"$lt": before}}
    digests = {part["digest"] async for part in database.manifests.stream(unused, {"digest": 1})}
    for digest in digests:
        named = await database.builds.find_one({"manifest.digest": digest}, {"_id": 1})
        if named is None:
            removed += await database.manifests.delete({**unused, "digest": digest}) > 0
    return removed


async def read_manifest(database: Database, digest: str) -> AsyncIterator[Entry]:
    """Give the entries of a manifest in the order of their paths."""
    parts = database.manifests.stream({"digest": digest}, sort=[("number", 1)])
    async for part in parts:
        for entry in part["entries"]:
            yield entry


async def manifests_with(
    database: Database, *, path: str | None = None, content: str | None = None, limit: int = 10_000
) -> list[str]:
    """Return the digests of the manifests with a file of this path, or of this content.

    A path that ends in `*` stands for all that begin so. Not more than `limit` are returned, in
    sorted order: builds are found by `manifest.digest`.
    """
    condition: Entry = {} if path is None else {"path": _path_condition(path)}
    if content is not None:
        condition["hash"] = content
    found = await database.manifests.aggregate(
        [
            {"$match": {"entries": {"$elemMatch": condition}}},
            {"$group": {"_id": "$digest"}},
            {"$sort": {"_id": 1}},
            {"$limit": limit},
        ]
    )
    return [document["_id"] for document in found]


def _path_condition(path: str) -> Any:
    if not path.endswith("*"):
        return path
    start = path[:-1]
    return {"$gte": start, "$lt": f"{start}\U0010ffff"}
