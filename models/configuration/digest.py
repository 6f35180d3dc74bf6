"""The digest of a configuration: by it a rebuilt one is known to be what was read.

It is made of what values mean, as differences are, and not of how they are typed. The digests of
parts are kept: executions share the parts of files that are the same.
"""

import hashlib
import threading
from collections.abc import Collection, Iterator
from typing import Any

import orjson

from models.configuration.delta import meaning_of
from models.configuration.metadata import METADATA_FIELDS, VARIABLE_FIELDS
from models.configuration.values import Configuration, Values

_MOST_PARTS = 512
_MISSING = object()

_changing = threading.Lock()
_parts: dict[int, tuple[Values, str]] = {}
"""By identity of a part: the part, which so stays what it is, and its digest."""


def digest_configuration(configuration: Configuration, unread: Collection[str] = ()) -> str:
    """Return a digest that is the same wherever and whenever it is made.

    The `unread` files are left out, as from differences. Of a variable that a metadata field
    stands for only counts whether it says the same.
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
    return _digest([metadata, parts, list(_spoken_for(configuration, unread))])


def _part_digest(part: Values) -> str:
    known = _parts.get(id(part))
    if known is not None:
        return known[1]
    told = {
        key: value if type(value) is str else meaning_of(value)
        for key, value in part.items()
        if key not in VARIABLE_FIELDS
    }
    digest = _digest(told)
    with _changing:
        _parts[id(part)] = part, digest
        if len(_parts) > _MOST_PARTS:
            del _parts[next(iter(_parts))]
    return digest


def _spoken_for(configuration: Configuration, unread: Collection[str]) -> Iterator[list[Any]]:
    for variable, field in sorted(VARIABLE_FIELDS.items()):
        if variable.partition(".")[0] in unread:
            continue
        value = _value(configuration, variable)
        if value is None or value == "":
            yield [variable, value]
        elif value is not _MISSING:
            told = _value(configuration, field)
            is_told = told is not None and told is not _MISSING
            is_same = str(told) == str(value) or meaning_of(told) == meaning_of(value)
            yield [variable, "same" if is_same or not is_told else "other"]


def _value(configuration: Configuration, key: str) -> Any:
    return configuration.files.get(key.partition(".")[0], {}).get(key, _MISSING)


def _digest(content: Any) -> str:
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()
