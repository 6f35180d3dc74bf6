"""YAML files of what JSON can express, as Spack and EAMxx write them.

Accepted are maps with text for keys, lists, text, numbers, booleans, null; aliases, which count as
the values that they repeat; and merge keys (`<<: *alias`). Tags are refused, and so is everything
that `models.json.reader` refuses. A value that looks like a date is text, as in JSON.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from models.json.places import JsonError, join_place
from models.json.reader import JsonLimits, Value

_MAX_INT64 = 2**63
_MAX_NUMBER_LENGTH = 400  # characters
_MAX_VALUES = 500_000  # of a file; the largest specs have a tenth of that, and YAML is slow to read
_TAGS = "tag:yaml.org,2002:"
_KEPT_AS_TEXT = {"timestamp", "str", "merge", "value"}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_values(text: str, limits: JsonLimits) -> Iterator[Value]:
    """Yield the documents of a YAML file, up to the first faulty one."""
    place = ""
    try:
        reader = _Reader(replace(limits, values=min(limits.values, _MAX_VALUES)))
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
            if isinstance(event, yaml.DocumentEndEvent):
                yield Value(reader.place, reader.finish_document())
        place = reader.place
    except JsonError as error:
        yield Value(place, error=error)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        detail = " ".join(str(error).split())[:300]
        yield Value(place, error=JsonError("not_yaml", place, detail))


class _MergeKey(str):
    """The key `<<`, without quotes."""


@dataclass(slots=True)
class _Open:
    """A map or list that is open; `key` is the last key of a map, which may await its value.

    `to_merge` has the values of its merge keys.
    """

    content: Any
    anchor: str | None = None
    key: str | None = None
    awaits_value: bool = False
    to_merge: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class _Anchor:
    """The events of an anchored value, with those of its aliases instead of these."""

    events: list[Any] = field(default_factory=list)
    is_complete: bool = False


@dataclass(slots=True)
class _Reader:
    """Builds values from the events of the YAML parser, without recursion."""

    limits: JsonLimits
    place: str = ""
    _count: int = 0
    _documents: int = 0
    _value: Any = None
    _open: list[_Open] = field(default_factory=list)
    _anchors: dict[str, _Anchor] = field(default_factory=dict)
    _recording: list[_Anchor] = field(default_factory=list)
    _loader: Any = field(default_factory=lambda: _LOADER(""))

    def finish_document(self) -> Any:
        """Return the value of the document that has ended."""
        self._documents += 1
        self._anchors = {}
        self.place = f"value {self._documents + 1}"
        return self._value

    def take(self, event: Any) -> None:
        """Add the next event; raise JsonError when it is refused."""
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            anchor = self._anchors.get(name)
            if anchor is None or not anchor.is_complete:
                detail = f"the alias *{name[:100]} stands for no complete value"
                raise JsonError("not_yaml", self._path(), detail)
            for repeated in anchor.events:
                self._take(repeated, None)
        else:
            self._take(event, getattr(event, "anchor", None))

    def _take(self, event: Any, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = _Anchor()
            self._recording.append(self._anchors[anchor])
        for recorded in self._recording:
            recorded.events.append(event)
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event))
            if anchor is not None:
                self._recording.pop().is_complete = True
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if event.tag is not None:
                raise JsonError("not_yaml", self._path(), f"the tag {event.tag} is not accepted")
            self._begin({} if isinstance(event, yaml.MappingStartEvent) else [], anchor)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()

    def _begin(self, content: dict[str, Any] | list[Any], anchor: str | None) -> None:
        if len(self._open) >= self.limits.depth:
            detail = f"nested more than {self.limits.depth} deep"
            raise JsonError("too_deep", self._path(), detail)
        self._add(content)
        self._open.append(_Open(content, anchor))

    def _end(self) -> None:
        level = self._open.pop()
        if level.to_merge:
            self._merge(level)
        if level.anchor is not None:
            self._recording.pop().is_complete = True

    def _merge(self, level: _Open) -> None:
        """Put the values of merge keys before those of the map itself, which count more."""
        own, maps = dict(level.content), []
        for value in level.to_merge:
            maps += value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in maps):
            raise JsonError("not_yaml", self._path(), "the value of the key << is no map")
        level.content.clear()
        for item in reversed(maps):  # the first counts most
            level.content.update(item)
        level.content.update(own)

    def _add(self, value: Any) -> None:
        self._count += 1
        if self._count > self.limits.values:
            detail = f"more than {self.limits.values} values"
            raise JsonError("too_many_values", self._path(), detail)
        if not self._open:
            self._value = value
            return
        parent = self._open[-1]
        if isinstance(parent.content, list):
            parent.content.append(value)
        elif parent.awaits_value:
            if isinstance(parent.key, _MergeKey):
                parent.to_merge.append(value)
            else:
                parent.content[parent.key] = value
            parent.awaits_value = False
        else:
            self._begin_key(parent, value)

    def _begin_key(self, parent: _Open, key: Any) -> None:
        if not isinstance(key, str) or "\0" in key:
            raise JsonError("not_yaml", self._path(), "a key is not text")
        parent.key, parent.awaits_value = key, True
        if key in parent.content:
            raise JsonError("duplicate_key", self._path(), "the key occurs twice in its map")

    def _scalar(self, event: Any) -> Any:
        node = yaml.ScalarNode(f"{_TAGS}str", event.value)
        tag = event.tag or self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = tag.removeprefix(_TAGS)
        if kind == "merge" and self._is_at_key():
            return _MergeKey(event.value)
        if self._is_at_key() or kind in _KEPT_AS_TEXT:
            return event.value
        if kind == "null":
            return None
        if kind == "bool":
            return self._loader.construct_yaml_bool(node)
        if kind in {"int", "float"}:
            return self._number(node, kind)
        raise JsonError("not_yaml", self._path(), f"the tag {tag[:100]} is not accepted")

    def _is_at_key(self) -> bool:
        if not self._open or isinstance(self._open[-1].content, list):
            return False
        return not self._open[-1].awaits_value

    def _number(self, node: yaml.ScalarNode, kind: str) -> int | float:
        if len(node.value) > _MAX_NUMBER_LENGTH:
            raise JsonError("bad_number", self._path(), "the number is too long")
        if kind == "int":
            integer: int = self._loader.construct_yaml_int(node)
            if -_MAX_INT64 <= integer < _MAX_INT64:
                return integer
        else:
            real: float = self._loader.construct_yaml_float(node)
            if math.isfinite(real):
                return real
        raise JsonError("bad_number", self._path(), "the number is out of range")

    def _path(self) -> str:
        path = self.place
        for depth, level in enumerate(self._open, start=1):
            if isinstance(level.content, list):
                # A list that is open inside is the last item of the list around it.
                index = len(level.content) - (depth < len(self._open))
                path = f"{path}[{index}]"
            elif level.key is not None:
                path = join_place(path, level.key)
        return path
