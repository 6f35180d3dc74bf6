"""Manifest: the files that a build installed, findable by path and by content.

A manifest is stored once for all builds that installed the same files, split over as many documents
as it needs.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from models.base import Stored
from models.database.client import Database

MAX_PART_ENTRIES = 1000
MAX_PART_BYTES = 4 * 2**20
"""The limit of the text in one document, because paths may be long."""

EntryType = Literal["file", "dir", "link", "other"]
Entry = dict[str, Any]


class ManifestEntry(Stored):
    """An installed file, directory or link.

    `path` is relative to the prefix, and `.` for the prefix itself. `mode` is st_mode, `hash` the
    base32 of the SHA-1 of the content. `target` is the target of a link: relative to the directory
    of the link when it is inside the prefix, unchanged otherwise. Unknown fields are not stored.
    """

    path: str
    type: EntryType
    mode: int | None = None
    size: int | None = None
    hash: str | None = None
    target: str | None = None


def manifest_digest(entries: Iterable[Entry]) -> str:
    """Return the SHA-256 of entries, which must be sorted by path."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(orjson.dumps(entry, option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest()


def manifest_parts(digest: str, entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    """Yield the documents that hold a manifest, in the order of their numbers."""
    now = datetime.now(UTC)
    for number, part in enumerate(_split(entries)):
        key = {"_id": f"{digest}/{number}", "digest": digest, "number": number}
        yield {**key, "usedAt": now, "entries": part}


def _split(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    max_characters = MAX_PART_BYTES // 4  # a character takes at most 4 bytes in UTF-8
    part: list[Entry] = []
    size = 0
    for entry in entries:
        added = len(entry["path"]) + len(entry.get("target") or "")
        if len(part) == MAX_PART_ENTRIES or (part and size + added > max_characters):
            yield part
            part, size = [], 0
        part.append(entry)
        size += added
    if part:
        yield part


def _number_of_parts(entries: Iterable[Entry]) -> int:
    return sum(1 for _ in _split(entries))


async def store_manifest(database: Database, digest: str, entries: Iterable[Entry]) -> bool:
    """Store a manifest unless it is stored; return whether anything had to be stored.

    Iterates over the entries twice. Safe to call concurrently, and again after a crash.
    """
    parts = await asyncio.to_thread(_number_of_parts, entries)
    query = {"digest": digest}
    await database.manifests.update_all(query, [{"$set": {"usedAt": datetime.now(UTC)}}])
    if await database.manifests.count(query) == parts:
        return False
    for document in manifest_parts(digest, entries):
        await database.manifests.upsert([document])
    return True


async def remove_unused_manifests(database: Database, before: datetime) -> int:
    """Remove manifests that no build refers to and no writer has used since `before`.

    Return how many were removed.
    """
    removed = 0
    unused: Entry = {"usedAt": {"$lt": before}}
    digests = {part["digest"] async for part in database.manifests.stream(unused, {"digest": 1})}
    for digest in digests:
        build = await database.builds.find_one({"manifest.digest": digest}, {"_id": 1})
        if build is None:
            removed += await database.manifests.delete({**unused, "digest": digest}) > 0
    return removed


async def read_manifest(database: Database, digest: str) -> AsyncIterator[Entry]:
    """Yield the entries of a manifest, sorted by path."""
    parts = database.manifests.stream({"digest": digest}, sort=[("number", 1)])
    async for part in parts:
        for entry in part["entries"]:
            yield entry


async def manifests_with(
    database: Database, *, path: str | None = None, content: str | None = None, limit: int = 10_000
) -> list[str]:
    """Return the digests of manifests that have a file of this path, this content, or both.

    `content` is a value of `hash`. A path that ends in `*` matches all paths with this prefix. At
    most `limit` digests are returned, sorted. Their builds are found by `manifest.digest`.
    """
    condition: Entry = {} if path is None else {"path": _path_condition(path)}
    if content is not None:
        condition["hash"] = content
    groups = await database.manifests.aggregate(
        [
            {"$match": {"entries": {"$elemMatch": condition}}},
            {"$group": {"_id": "$digest"}},
            {"$sort": {"_id": 1}},
            {"$limit": limit},
        ]
    )
    return [group["_id"] for group in groups]


def _path_condition(path: str) -> Any:
    if not path.endswith("*"):
        return path
    prefix = path[:-1]
    return {"$gte": prefix, "$lt": f"{prefix}\U0010ffff"}
