"""install_manifest.json: the files that a build installed.

Source of the format: Spack's verify.py. An object by absolute path; files have size, time and
hash (SHA-1, base32), links have `dest`. Before 0.20 an entry also has `type`, and links have the
mode of what they point to; the entry of a broken link is empty.
"""

import posixpath
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingest.archives.json_file import count_of, parse_object, text_of
from models.builds.manifest import EntryType, ManifestEntry
from models.errors import ParseError

PREFIX_ITSELF = "."
_TYPES: dict[object, EntryType] = {"file": "file", "dir": "dir", "link": "link"}
_METADATA = "/.spack"
_HASHED = re.compile(r"-[a-z2-7]{32}(?=/|$)")
_MAX_PATH_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class Manifest:
    """The entries, sorted by path; `outside` counts those that are not below the prefix.

    `directory` is the last part of the prefix, which names the spec.
    """

    entries: tuple[ManifestEntry, ...]
    outside: int = 0
    directory: str = ""


def parse_manifest(content: bytes) -> Manifest:
    """Return the installed files; ParseError as of `parse_object`, or `no_prefix`.

    The prefix is taken from the paths, because a tree may have been moved since it was installed.
    """
    document = parse_object(content)
    paths = {key: _normal(key) for key in document if key.startswith("/")}
    if not document:
        return Manifest(())
    prefix = _prefix(paths.values())
    if prefix == "/":
        raise ParseError("no_prefix", "the paths of the manifest have no directory in common")
    entries = [
        _entry(prefix, relative, document[key])
        for key, path in paths.items()
        if (relative := _inside(prefix, path)) is not None and len(relative) <= _MAX_PATH_LENGTH
    ]
    entries.sort(key=lambda entry: entry.path)
    return Manifest(tuple(entries), len(document) - len(entries), posixpath.basename(prefix))


def _normal(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _prefix(paths: Iterable[str]) -> str:
    """Return the shortest path that has a `.spack`, or else one that ends in the hash of a spec.

    Without either, return the directory that all paths have in common.
    """
    paths = list(paths)
    prefixes = [path.removesuffix(_METADATA) for path in paths if path.endswith(_METADATA)]
    if not prefixes:
        hashed = (_HASHED.search(path) for path in paths)
        prefixes = [match.string[: match.end()] for match in hashed if match is not None]
    if prefixes:
        return min(prefixes, key=lambda prefix: (len(prefix), prefix)) or "/"
    return posixpath.commonpath(paths) if paths else "/"


def _inside(prefix: str, path: str) -> str | None:
    """Return the path relative to the prefix, or None when it is not below it."""
    if path == prefix:
        return PREFIX_ITSELF
    return path[len(prefix) + 1 :] if path.startswith(f"{prefix}/") else None


def _entry(prefix: str, path: str, fields: object) -> ManifestEntry:
    if not isinstance(fields, Mapping):
        return ManifestEntry(path=path, type="other")
    mode = count_of(fields.get("mode"))
    target = text_of(fields.get("dest"), _MAX_PATH_LENGTH)
    return ManifestEntry(
        path=path,
        type=_TYPES.get(text_of(fields.get("type"))) or _type(mode, fields),
        mode=mode,
        size=count_of(fields.get("size")),
        hash=text_of(fields.get("hash")),
        target=None if target is None else _target(prefix, path, target),
    )


def _type(mode: int | None, fields: Mapping[object, object]) -> EntryType:
    if "dest" in fields or (mode is not None and stat.S_ISLNK(mode & 0xFFFF)):
        return "link"
    if mode is not None and stat.S_ISDIR(mode & 0xFFFF):
        return "dir"
    is_file = "hash" in fields or (mode is not None and stat.S_ISREG(mode & 0xFFFF))
    return "file" if is_file else "other"


def _target(prefix: str, path: str, target: str) -> str:
    """Return the target of a link, relative to the link when it is below the prefix."""
    if not target.startswith("/"):
        return target
    inside = _inside(prefix, _normal(target))
    return target if inside is None else posixpath.relpath(inside, posixpath.dirname(path) or ".")
