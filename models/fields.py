"""The fields of a resource: the one table behind filters, sorting, `/fields`, OpenAPI and docs.

The index of each field ends in the natural order of its list, so that it serves both the filter
and the sort, at the same cost at any size:

    natural order     lidTime, _id
    index of machine  machine, lidTime, _id   ->  `machine=…` in natural order, `sort=machine`
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from models.database.types import Index

FieldType = Literal[
    "text", "integer", "real", "boolean", "date-time", "local time", "simulated date",
    "list of text", "version", "target", "map",
]  # fmt: skip

INDEXED_FILES = ("env_build", "env_run")
"""The files whose configuration values are indexed; searches for other values scan."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Field:
    """One field, under the name that clients use.

    `path` is the path of the value in MongoDB to compare and sort by, when it is not the name. A
    field that is not `listed` is shown only when the request names it. `shown_from` is the
    top-level field of the document that it is computed from, when it is not the one of its name.
    A field with `choices` has no other values: asking for another one is an error. `meaning`
    returns the stored values that a value of a condition stands for. `served_by` names its index,
    when it is not the one of its name; when it is None, a list is read in its natural order until
    enough documents match.
    """

    name: str
    type: FieldType
    description: str
    example: str = ""
    path: str = ""
    filterable: bool = True
    sortable: bool = True
    listed: bool = True
    shown_from: str = ""
    served_by: str | None = ""
    choices: tuple[str, ...] = ()
    meaning: Callable[[str], tuple[str, ...]] | None = None

    def values_of(self, value: Any) -> tuple[Any, ...]:
        """Return the stored values that a value of a condition stands for."""
        is_name = self.meaning is not None and isinstance(value, str)
        return self.meaning(value) if is_name else (value,)  # type: ignore[misc]

    @property
    def stored(self) -> str:
        """The path of the value in MongoDB, to compare and sort by."""
        return self.path or self.name

    @property
    def root(self) -> str:
        """The name of the top-level field that holds it in a response."""
        return self.name.partition(".")[0]

    @property
    def index(self) -> str | None:
        """The name of the index that serves it, if any."""
        if not (self.filterable or self.sortable):
            return None
        if self.stored == "_id":
            return "_id_"
        return f"by {self.name}" if self.served_by == "" else self.served_by


@dataclass(frozen=True)
class FieldTable:
    """The fields of a resource, and the natural `order` of its list.

    The paths of `order` are unique together and never null. `words` is the path of the words that
    the parameter `q` searches, empty when the resource has none; `default_sort` has the form of the
    parameter `sort`.
    """

    resource: str
    fields: tuple[Field, ...]
    order: tuple[str, ...]
    default_sort: str
    words: str = ""

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """The fields by their names."""
        return {field.name: field for field in self.fields}

    @cached_property
    def filterable(self) -> tuple[Field, ...]:
        """The fields that can be filtered by."""
        return tuple(field for field in self.fields if field.filterable)

    @cached_property
    def sortable(self) -> tuple[Field, ...]:
        """The fields that can be sorted by."""
        return tuple(field for field in self.fields if field.sortable)

    @cached_property
    def types(self) -> Mapping[str, FieldType]:
        """The types of the values to sort by, by stored path."""
        ties = dict.fromkeys(self.order, "text")
        return {**ties, **{field.stored: field.type for field in self.sortable}}  # type: ignore[dict-item]

    def indexes(self) -> list[Index]:
        """Return the indexes that serve every filter and every sort."""
        word_index = [self._index(self.words, "by word")] if self.words else []
        return [*self._field_indexes(), *word_index]

    def _field_indexes(self) -> Iterator[Index]:
        for field in self.fields:
            if field.index == f"by {field.name}":
                yield self._index(field.stored, field.index)

    def _index(self, path: str, name: str) -> Index:
        start = self.order.index(path) if path in self.order else None
        ties = self.order if start is None else self.order[start + 1 :]
        return Index([(path, 1), *((tie, 1) for tie in ties)], name=name)


def configuration_indexes(path: str) -> list[Index]:
    """Return a wildcard index for each of `INDEXED_FILES` in the configuration at `path`."""
    return [Index([(f"{path}.{file}.$**", 1)], name=f"{path} {file}") for file in INDEXED_FILES]


def words_of(*texts: str | None) -> list[str]:
    """Return the words of names in lower case, sorted: runs of letters and digits."""
    words = {word for text in texts if text for word in _WORD.findall(text.casefold())}
    return sorted(words)
