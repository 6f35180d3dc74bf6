"""Delta keys: the dotted path of a configuration value inside a MongoDB document.

A key such as `env_run.ATM_NCPL` is at once what people read, what REST shows, and the path that a
MongoDB query needs. A name that contains a dot, begins with a dollar sign or is empty cannot be a
part of such a path: it is escaped so that the original name can be restored. The same holds for a
name that is a field of delta entries, because other keys may continue below an entry.

    name       part of a key
    nl.v2      nl\u2024v2       one dot leader
    $HOME      \uff04HOME      fullwidth dollar sign
    (empty)    \\e
    current    \\current        a field of delta entries
"""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any

MAX_PARTS = 16

_ESCAPES = {
    ".": "\u2024",
    "$": "\uff04",
    "\\": "\\\\",
    "\u2024": "\\\u2024",
    "\uff04": "\\\uff04",
    "\0": "\\0",
}
_SHORT = 64  # short names are cached: the same few thousand are in the files of every execution
_TABLE = str.maketrans(_ESCAPES)
_EMPTY = "\\e"
_FIELDS_OF_ENTRIES = frozenset(
    {"canonical", "current", "absent", "class", "added", "removed", "alsoIn"}
)
_AFTER_BACKSLASH = {"0": "\0", "e": ""}
_PLAIN = {"\u2024": ".", "\uff04": "$"}


def escape_name(name: str) -> str:
    """Return `name` as one part of a MongoDB field path."""
    return _escaped_short(name) if len(name) <= _SHORT else _escaped(name)


def _escaped(name: str) -> str:
    if name in _FIELDS_OF_ENTRIES:
        return f"\\{name}"
    return name.translate(_TABLE) if name else _EMPTY


_escaped_short = lru_cache(maxsize=65536)(_escaped)


def unescape_name(part: str) -> str:
    """Return the original name of a part: the inverse of `escape_name`."""
    characters: list[str] = []
    following = iter(part)
    for character in following:
        if character == "\\":
            escaped = next(following, "")
            characters.append(_AFTER_BACKSLASH.get(escaped, escaped))
        else:
            characters.append(_PLAIN.get(character, character))
    return "".join(characters)


def join_key(*names: str) -> str:
    """Return the delta key of a value from the names on its path: file, group, variable."""
    return ".".join(escape_name(name) for name in names)


def check_keys(keys: Collection[str]) -> None:
    """Raise ValueError unless all are delta keys that can belong to one configuration."""
    for key in keys:
        parts = key.split(".")
        is_escaped = all(escape_name(unescape_name(part)) == part for part in parts)
        if not is_escaped or len(parts) > MAX_PARTS:
            raise ValueError(f"{key[:200]!r} is not a delta key, such as env_run.STOP_N")
        for length in range(1, len(parts)):
            if (above := ".".join(parts[:length])) in keys:
                raise ValueError(f"{above[:200]!r} has a value, so that {key[:200]!r} cannot")


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested form that is stored of a map by delta key, with names in sorted order.

    A value that is itself a mapping (the entry of a delta) may have keys below it.
    """
    root: dict[str, Any] = {}
    above, node = "", root
    for key, value in sorted(flat.items(), key=_first):
        path, _, last = key.rpartition(".")
        if path != above:  # in sorted order, most keys have the same parent as the one before
            above, node = path, _node_at(root, path)
        node[last] = dict(value) if isinstance(value, dict) else value
    return root


_first = itemgetter(0)


def _node_at(root: dict[str, Any], path: str) -> dict[str, Any]:
    node = root
    for part in path.split(".") if path else ():
        node = node.setdefault(part, {})
    return node


def flatten(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored configuration by delta key, in sorted order: the inverse of `nest`."""
    return dict(sorted(_leaves(nested, "")))


def _leaves(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
