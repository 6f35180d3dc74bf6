"""The fields of a resource: the one table that filters, sorts, `/fields`, OpenAPI and docs obey.

An index of each field ends in the natural order of its list: `{machine, lidTime, _id}` serves
`machine=…` in the default order, and `sort=machine`, at the same cost at any size.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from models.database.types import Index

FieldType = Literal[
    "text", "integer", "real", "boolean", "date-time", "local time", "simulated date",
    "list of text", "version", "target", "map",
]  # fmt: skip

INDEXED_FILES = ("env_build", "env_run")
"""The files whose values searches by configuration find along an index; others are scanned for."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Field:
    """One field as people ask for it.

    `path` is where MongoDB holds what is compared and sorted by, when that is not under the name.
    What is not `listed` is shown where it is asked for by name only. `shown_from` is the top-level
    field of the document that it is shown from, when that is not the one of its name.
    A field with `choices` has no other values, and asking for another one is an error.
    `served_by` names its index, when that is not the one of its name; without one, a list is read
    in its order until enough is found.
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

    @property
    def stored(self) -> str:
        """The path of the value in MongoDB."""
        return self.path or self.name

    @property
    def root(self) -> str:
        """The name of the top-level field that holds it, in an answer."""
        return self.name.partition(".")[0]

    @property
    def index(self) -> str | None:
        """The name of the index that serves it."""
        if not (self.filterable or self.sortable):
            return None
        if self.stored == "_id":
            return "_id_"
        return f"by {self.name}" if self.served_by == "" else self.served_by


@dataclass(frozen=True)
class FieldTable:
    """The fields of a resource, and the natural order of its list: unique paths, never null.

    `words` is the path of the words that `q` searches, if it searches any; `default_sort` has the
    form of `sort`.
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
        """The types of what can be sorted by, by stored path."""
        ties = dict.fromkeys(self.order, "text")
        return {**ties, **{field.stored: field.type for field in self.sortable}}  # type: ignore[dict-item]

    def indexes(self) -> list[Index]:
        """Return the indexes that serve every filter and every sort."""
        of_words = [self._index(self.words, "by word")] if self.words else []
        return [*self._field_indexes(), *of_words]

    def _field_indexes(self) -> Iterator[Index]:
        for field in self.fields:
            if field.index == f"by {field.name}":
                yield self._index(field.stored, field.index)

    def _index(self, path: str, name: str) -> Index:
        start = self.order.index(path) if path in self.order else None
        ties = self.order if start is None else self.order[start + 1 :]
        return Index([(path, 1), *((tie, 1) for tie in ties)], name=name)


def configuration_indexes(path: str) -> list[Index]:
    """Return the indexes of all values of `INDEXED_FILES` in the configuration at a path."""
    return [Index([(f"{path}.{file}.$**", 1)], name=f"{path} {file}") for file in INDEXED_FILES]


def words_of(*texts: str | None) -> list[str]:
    """Return the words of names, in lower case and in sorted order: runs of letters and digits."""
    words = {word for text in texts if text for word in _WORD.findall(text.casefold())}
    return sorted(words)
