"""`spec.yaml` of old installations, and `spack spec --yaml`: the JSON of a spec, written as YAML.

Read is what the JSON of a spec can hold: maps with text for keys, lists, text, numbers, true and
false, null. Anchors, aliases, tags and merge keys, which Spack never writes, are refused, as is all
that `strict_json` refuses. What looks like a date is text, as it is in JSON.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ingest.specs.formats.strict_json import Limits, Value
from models.errors import ParseError
from models.spack.graph import SpecError, join_place

_MAX_INT64 = 2**63
_TAGS = "tag:yaml.org,2002:"
_KEPT_AS_TEXT = {"timestamp", "str", "merge", "value"}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def values(text: str, limits: Limits) -> Iterator[Value]:
    """Give the documents of a YAML file; after one with a fault nothing more can be read."""
    place = ""
    try:
        reader = _Reader(limits)
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
            if isinstance(event, yaml.DocumentEndEvent):
                yield Value(reader.place, reader.finished())
        place = reader.place
    except ParseError as error:
        yield Value(place, error=_placed(error, place))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        detail = " ".join(str(error).split())[:300]
        yield Value(place, error=SpecError("not_yaml", place, detail))


def _placed(error: ParseError, place: str) -> SpecError:
    return error if isinstance(error, SpecError) else SpecError(error.reason, place, error.detail)


@dataclass(slots=True)
class _Open:
    """A map or list that is open; of a map the last key, and whether that waits for its value."""

    content: Any
    key: str | None = None
    awaits_value: bool = False


@dataclass(slots=True)
class _Reader:
    """Puts the events of the YAML parser together to a value, without recursion."""

    limits: Limits
    place: str = ""
    _count: int = 0
    _documents: int = 0
    _value: Any = None
    _open: list[_Open] = field(default_factory=list)
    _loader: Any = field(default_factory=lambda: _LOADER(""))

    def finished(self) -> Any:
        """Return the value of the document that has ended."""
        self._documents += 1
        self.place = f"value {self._documents + 1}"
        return self._value

    def take(self, event: Any) -> None:
        """Take the next event; SpecError for what is refused."""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise SpecError("not_yaml", self._path(), "anchors and aliases are not taken")
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event))
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if event.tag is not None:
                raise SpecError("not_yaml", self._path(), f"the tag {event.tag} is not taken")
            self._begin({} if isinstance(event, yaml.MappingStartEvent) else [])
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()

    def _begin(self, content: dict[str, Any] | list[Any]) -> None:
        if len(self._open) >= self.limits.depth:
            detail = f"more than {self.limits.depth} lists and maps in each other"
            raise SpecError("too_deep", self._path(), detail)
        self._add(content)
        self._open.append(_Open(content))

    def _add(self, value: Any) -> None:
        self._count += 1
        if self._count > self.limits.values:
            detail = f"there are more than {self.limits.values} values"
            raise SpecError("too_many_values", self._path(), detail)
        if not self._open:
            self._value = value
            return
        parent = self._open[-1]
        if isinstance(parent.content, list):
            parent.content.append(value)
        elif parent.awaits_value:
            parent.content[parent.key] = value
            parent.awaits_value = False
        else:
            self._begin_key(parent, value)

    def _begin_key(self, parent: _Open, key: Any) -> None:
        if not isinstance(key, str) or "\0" in key:
            raise SpecError("not_yaml", self._path(), "a key is not text")
        parent.key, parent.awaits_value = key, True
        if key in parent.content:
            raise SpecError("duplicate_key", self._path(), "the key stands twice in its map")

    def _scalar(self, event: Any) -> Any:
        node = yaml.ScalarNode(f"{_TAGS}str", event.value)
        tag = event.tag or self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = tag.removeprefix(_TAGS)
        if self._is_at_key() or kind in _KEPT_AS_TEXT:
            return event.value
        if kind == "null":
            return None
        if kind == "bool":
            return self._loader.construct_yaml_bool(node)
        if kind in {"int", "float"}:
            return self._number(node, kind)
        raise SpecError("not_yaml", self._path(), f"the tag {tag[:100]} is not taken")

    def _is_at_key(self) -> bool:
        if not self._open or isinstance(self._open[-1].content, list):
            return False
        return not self._open[-1].awaits_value

    def _number(self, node: yaml.ScalarNode, kind: str) -> int | float:
        if len(node.value) > 400:
            raise SpecError("bad_number", self._path(), "the number is too long")
        if kind == "int":
            integer: int = self._loader.construct_yaml_int(node)
            if -_MAX_INT64 <= integer < _MAX_INT64:
                return integer
        else:
            real: float = self._loader.construct_yaml_float(node)
            if math.isfinite(real):
                return real
        raise SpecError("bad_number", self._path(), "the number is out of range")

    def _path(self) -> str:
        path = self.place
        for depth, each in enumerate(self._open, start=1):
            if isinstance(each.content, list):
                number = len(each.content) - (depth < len(self._open))
                path = f"{path}[{number}]"
            elif each.key is not None:
                path = join_place(path, each.key)
        return path
