"""The digest of a configuration, which shows whether a rebuilt one is the one that was read.

Like differences, it is computed from the meanings of values, not from their types. The digests of
files are kept, because executions share files that are the same.
"""

import hashlib
import threading
from collections.abc import Collection, Iterator
from typing import Any

import orjson

from models.configuration.delta import meaning_of
from models.configuration.metadata import METADATA_FIELDS, VARIABLE_FIELDS
from models.configuration.values import Configuration, Values

_MAX_PARTS = 512
_MISSING = object()

_changing = threading.Lock()
_parts: dict[int, tuple[Values, str]] = {}
"""Digests by the `id()` of a part, with the part itself, so that its id stays in use."""


def digest_configuration(configuration: Configuration, unread: Collection[str] = ()) -> str:
    """Return a digest that is the same on every machine and at any time.

    The `unread` files are left out, as they are from differences. Of a variable that a metadata
    field represents, it matters only whether it agrees with that field.
    """
    read = {name: part for name, part in configuration.files.items() if name not in unread}
    metadata = {
        name: meaning_of(part[name]) for name, part in read.items() if name in METADATA_FIELDS
    }
    parts = {
        name: _part_digest(part)
        for name, part in read.items()
        if part and name not in METADATA_FIELDS
    }
    return _digest([metadata, parts, list(_represented(configuration, unread))])


def _part_digest(part: Values) -> str:
    known = _parts.get(id(part))
    if known is not None:
        return known[1]
    meanings = {
        key: value if type(value) is str else meaning_of(value)
        for key, value in part.items()
        if key not in VARIABLE_FIELDS
    }
    digest = _digest(meanings)
    with _changing:
        _parts[id(part)] = part, digest
        if len(_parts) > _MAX_PARTS:
            del _parts[next(iter(_parts))]
    return digest


def _represented(configuration: Configuration, unread: Collection[str]) -> Iterator[list[Any]]:
    """Yield the variables that metadata fields represent, each with its agreement with the field.

    That is `same`, `other`, or the value of a variable that is null or empty.
    """
    for variable, field in sorted(VARIABLE_FIELDS.items()):
        if variable.partition(".")[0] in unread:
            continue
        value = _value(configuration, variable)
        if value is None or value == "":
            yield [variable, value]
        elif value is not _MISSING:
            metadata = _value(configuration, field)
            is_known = metadata is not None and metadata is not _MISSING
            is_same = str(metadata) == str(value) or meaning_of(metadata) == meaning_of(value)
            yield [variable, "same" if is_same or not is_known else "other"]


def _value(configuration: Configuration, key: str) -> Any:
    return configuration.files.get(key.partition(".")[0], {}).get(key, _MISSING)


def _digest(content: Any) -> str:
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()
