"""SpecFile: a file that held many specs, kept so that it can be given back as it came in.

A lockfile, a database index or a listing is stored as what remains of it without its nodes, and
the ids of the specs by their places in it; both as compressed JSON, in as many parts as it takes.
"""

import asyncio
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from beanie import Document
from pydantic import Field

from models.base import Stored
from models.database.client import Database
from models.database.types import Index
from models.specs.stored_graph import IncompleteSpecError, native_node

Json = dict[str, Any]
Path = tuple[str | int, ...]

PART_BYTES = 8 * 2**20

FIRST_PART: Json = {"number": 0}
"""The query for the parts that stand for their files in a list."""

TOLD_OF_FILES: Json = {"number": 0, "parts": 0, "content": 0}
"""The projection that leaves what a list tells of a file."""


class SpecFile(Document):
    """A document of the collection `specFiles`; `_id` is a digest of the content, slash, number.

    All parts of a file have the same fields but for `number` and `content`.
    """

    model_config = Stored.model_config

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    digest: str
    number: int
    parts: int
    kind: str
    file: str
    format: int
    spec_count: int
    content: bytes
    ingestion_id: str | None
    created_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "specFiles"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("digest", 1), ("number", 1)], name="digest", unique=True),
            *(
                Index(keys, name=name, partialFilterExpression=FIRST_PART)
                for name, keys in (
                    ("by time", [("createdAt", -1), ("_id", 1)]),
                    ("by file", [("file", 1), ("createdAt", -1), ("_id", 1)]),
                )
            ),
        ]


Placed = tuple[Path, str, bool]
"""Where a node stands in a file, the id of its spec, and whether its name stands around it."""


def file_parts(kind: str, frame: Any, places: Sequence[Placed]) -> tuple[str, list[bytes]]:
    """Return the digest of a file, and its compressed content in parts."""
    text = json.dumps({"kind": kind, "frame": frame, "places": places}, separators=(",", ":"))
    packed = zlib.compress(text.encode())
    parts = [packed[i : i + PART_BYTES] for i in range(0, len(packed), PART_BYTES)]
    return hashlib.sha256(text.encode()).hexdigest(), parts


async def load_file(database: Database, digest: str) -> Any:
    """Return a file equal to what came in; None when it is not stored.

    IncompleteSpecError when a spec of it was deleted since.
    """
    parts = await database.spec_files.find({"digest": digest}, sort=[("number", 1)])
    if not parts:
        return None
    content = await asyncio.to_thread(_content, parts)
    wanted = sorted({id_ for _, id_, _ in content["places"]})
    query = {"_id": {"$in": wanted}, "tombstone": None}
    fields = {"name": 1, "spec": 1, "specText": 1}
    found = {each["_id"]: each for each in await database.specs.find(query, fields)}
    if len(found) < len(wanted):
        raise IncompleteSpecError(f"{len(wanted) - len(found)} specs of the file are not stored")
    return await asyncio.to_thread(_restored, content, found)


def _content(parts: Sequence[Json]) -> Json:
    content: Json = json.loads(zlib.decompress(b"".join(part["content"] for part in parts)))
    return content


def _restored(content: Json, specs: Mapping[str, Json]) -> Any:
    nodes = ((tuple(path), _placed(specs[id_], named)) for path, id_, named in content["places"])
    return restore(content["frame"], nodes)


def _placed(document: Json, named: bool) -> Json:
    native = native_node(document)
    return {document["name"]: native} if named else native


def restore(frame: Any, nodes: Iterable[tuple[Path, Any]]) -> Any:
    """Return a file equal to what came in, from its frame and its nodes by place."""
    whole = _copied(frame)
    for path, native in nodes:
        at = whole
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = native
    return whole


def _copied(frame: Any) -> Any:
    """Return a copy of the objects and arrays; those of JSON that was read are not deep."""
    if isinstance(frame, dict):
        return {key: _copied(value) for key, value in frame.items()}
    return [_copied(value) for value in frame] if isinstance(frame, list) else frame
