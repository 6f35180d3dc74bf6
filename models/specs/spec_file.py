"""SpecFile: a file with many specs, stored so that it can be returned equal to what was imported.

Lockfiles, database indexes and listings are stored as a frame, which is the file without its nodes,
and the ids of the specs by their places in it. Both together are compressed JSON, split over as
many documents as needed.
"""

import asyncio
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.database.client import Database
from models.specs.stored_graph import IncompleteSpecError, native_node

Json = dict[str, Any]
Path = tuple[str | int, ...]

PART_BYTES = 8 * 2**20

FIRST_PART: Json = {"number": 0}
"""The query for the parts that represent their files in a list."""

FILE_LIST_PROJECTION: Json = {"number": 0, "parts": 0, "content": 0}
"""The projection for files in a list: everything except the content."""


NodePlacement = tuple[Path, str, bool]
"""The place of a node in a file, the id of its spec, and whether the node is wrapped in an object
whose only key is its name."""


def file_parts(kind: str, frame: Any, places: Sequence[NodePlacement]) -> tuple[str, list[bytes]]:
    """Return the digest of a file and its compressed content in parts of at most `PART_BYTES`."""
    text = json.dumps({"kind": kind, "frame": frame, "places": places}, separators=(",", ":"))
    packed = zlib.compress(text.encode())
    parts = [packed[i : i + PART_BYTES] for i in range(0, len(packed), PART_BYTES)]
    return hashlib.sha256(text.encode()).hexdigest(), parts


async def load_file(database: Database, digest: str) -> Any:
    """Return a file equal to what was imported, or None when it is not stored.

    Raise IncompleteSpecError when a spec of the file has been deleted since.
    """
    parts = await database.spec_files.find({"digest": digest}, sort=[("number", 1)])
    if not parts:
        return None
    content = await asyncio.to_thread(_content, parts)
    wanted = sorted({id_ for _, id_, _ in content["places"]})
    query = {"_id": {"$in": wanted}, "tombstone": None}
    fields = {"name": 1, "spec": 1, "specText": 1}
    specs = {spec["_id"]: spec for spec in await database.specs.find(query, fields)}
    if len(specs) < len(wanted):
        raise IncompleteSpecError(f"{len(wanted) - len(specs)} specs of the file are not stored")
    return await asyncio.to_thread(_restored, content, specs)


def _content(parts: Sequence[Json]) -> Json:
    content: Json = json.loads(zlib.decompress(b"".join(part["content"] for part in parts)))
    return content


def _restored(content: Json, specs: Mapping[str, Json]) -> Any:
    nodes = (
        (tuple(path), _native(specs[id_], is_named=is_named))
        for path, id_, is_named in content["places"]
    )
    return restore(content["frame"], nodes)


def _native(document: Json, *, is_named: bool) -> Json:
    native = native_node(document)
    return {document["name"]: native} if is_named else native


def restore(frame: Any, nodes: Iterable[tuple[Path, Any]]) -> Any:
    """Return the file with this frame and these nodes at their paths; the frame is not changed."""
    file = _copied(frame)
    for path, native in nodes:
        at = file
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = native
    return file


def _copied(frame: Any) -> Any:
    """Return a deep copy of objects and arrays; parsed JSON is not nested too deeply to recurse."""
    if isinstance(frame, dict):
        return {key: _copied(value) for key, value in frame.items()}
    return [_copied(value) for value in frame] if isinstance(frame, list) else frame
