"""The comparison of two builds: host, variables, arguments, and installed files."""

from collections.abc import AsyncIterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from models.builds.manifest import read_manifest
from models.database.client import Database
from models.spack.prefix import METADATA

Document = Mapping[str, Any]
Entry = dict[str, Any]

MAX_FILES = 1000
"""How many differing files a comparison lists."""
_MAX_ARGUMENTS = 2000  # SequenceMatcher takes quadratic time
_SHOWN = ("specHash", "name", "version", "status", "failedPhase", "startedLocal", "seconds")


async def compare_builds(database: Database, left: Document, right: Document) -> dict[str, Any]:
    """Return how two builds differ; `manifest.files` are the first files that differ."""
    manifest = await _manifest_drift(database, left["manifest"], right["manifest"])
    is_same = left["specHash"] is not None and left["specHash"] == right["specHash"]
    return {
        "left": _summary(left),
        "right": _summary(right),
        "isSameSpec": is_same,
        "isReproducible": _is_reproduced(manifest) if is_same else None,
        "host": drift(left["host"] or {}, right["host"] or {}),
        "variables": drift(left["variables"], right["variables"]),
        "arguments": argument_drift(left["configureArgs"] or [], right["configureArgs"] or []),
        "manifest": manifest,
    }


def _is_reproduced(manifest: Mapping[str, Any]) -> bool | None:
    """Return whether both installed the same, apart from Spack's own notes such as the log.

    None means that it is unknown, because a manifest is missing.
    """
    if not manifest["isKnown"]:
        return None
    drifts = sum(manifest[change] for change in ("added", "removed", "changed"))
    return bool(drifts == manifest["inMetadata"])


def _summary(build: Document) -> dict[str, Any]:
    return {
        "id": build["_id"],
        **{name: build[name] for name in _SHOWN},
        "hostname": (build["host"] or {}).get("hostname"),
        "manifestDigest": (build["manifest"] or {}).get("digest"),
    }


def drift(left: Document, right: Document) -> list[dict[str, Any]]:
    """Return the values that differ between two maps, by key; None for a missing one."""
    return [
        {"key": key, "left": left.get(key), "right": right.get(key)}
        for key in sorted({*left, *right})
        if left.get(key) != right.get(key)
    ]


def argument_drift(left: Sequence[str], right: Sequence[str]) -> dict[str, list[str]]:
    """Return removed and added arguments: in order, or as sorted sets when there are very many."""
    if max(len(left), len(right)) > _MAX_ARGUMENTS:
        removed, added = set(left) - set(right), set(right) - set(left)
        return {"removed": sorted(removed), "added": sorted(added)}
    steps = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    changes = [step for step in steps if step[0] != "equal"]
    return {
        "removed": [arg for _, start, end, _, _ in changes for arg in left[start:end]],
        "added": [arg for _, _, _, start, end in changes for arg in right[start:end]],
    }


async def _manifest_drift(
    database: Database, left: Document | None, right: Document | None
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "isKnown": left is not None and right is not None,
        "isEqual": None,
        "added": 0,
        "removed": 0,
        "changed": 0,
        "inMetadata": 0,
        "files": [],
        "isComplete": True,
    }
    if left is None or right is None:
        return result
    result["isEqual"] = left["digest"] == right["digest"]
    if result["isEqual"]:
        return result
    ours = read_manifest(database, left["digest"])
    theirs = read_manifest(database, right["digest"])
    async for file in _file_drifts(ours, theirs):
        result[file["change"]] += 1
        result["inMetadata"] += f"{file['path']}/".startswith(f"{METADATA}/")
        if len(result["files"]) < MAX_FILES:
            result["files"].append(file)
        else:
            result["isComplete"] = False
    return result


async def _file_drifts(
    left: AsyncIterator[Entry], right: AsyncIterator[Entry]
) -> AsyncIterator[Entry]:
    """Yield the files that differ between two manifests, which are both sorted by path."""
    ours, theirs = await anext(left, None), await anext(right, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and ours["path"] < theirs["path"]):
            assert ours is not None
            yield _file(ours["path"], "removed", ours, None)
            ours = await anext(left, None)
        elif ours is None or theirs["path"] < ours["path"]:
            yield _file(theirs["path"], "added", None, theirs)
            theirs = await anext(right, None)
        else:
            if ours != theirs:
                yield _file(ours["path"], "changed", ours, theirs)
            ours, theirs = await anext(left, None), await anext(right, None)


def _file(path: str, change: str, left: Entry | None, right: Entry | None) -> Entry:
    names = sorted({*(left or {}), *(right or {})})
    both = left is not None and right is not None
    differs = [n for n in names if (left or {}).get(n) != (right or {}).get(n)] if both else []
    return {"path": path, "change": change, "differs": differs, "left": left, "right": right}
