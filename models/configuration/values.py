"""Configuration: all values that decide what the model does, by delta key and by file."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from models.configuration.keys import flatten, nest

Values = dict[str, Any]


def file_of(key: str) -> str:
    """Return the file name that a key begins with; a metadata field counts as a file of its own."""
    return key.partition(".")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Configuration(Mapping[str, Any]):
    """A map from delta key to value, with one part for each file.

    Values are text, integer, real, logical, null (the file has the variable without a value) or a
    list of these. Executions share the parts of files that are the same, so that comparing two
    configurations costs only the files that differ. A part is never modified once it belongs to a
    configuration.
    """

    files: Mapping[str, Values] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration with these values by delta key."""
        if isinstance(values, cls):
            return values
        files: dict[str, Values] = {}
        for key, value in values.items():
            files.setdefault(file_of(key), {})[key] = value
        return cls(files)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """Return the configuration of its stored form: the inverse of `to_stored`."""
        return cls({name: flatten({name: part}) for name, part in stored.items()})

    def to_stored(self) -> dict[str, Any]:
        """Return the nested form that is stored: values at the paths of their keys."""
        parts = (nest(self.files[name]) for name in sorted(self.files))
        return {name: value for part in parts for name, value in part.items()}

    def flat(self) -> Values:
        """Return the values by delta key, in sorted order."""
        return dict(sorted(self.items()))

    def with_files(self, parts: Iterable[tuple[str, Values]]) -> Self:
        """Return the configuration with these parts replacing its own; empty parts are removed."""
        return type(self)(
            {name: part for name, part in {**self.files, **dict(parts)}.items() if part}
        )

    def without_files(self, names: Collection[str]) -> Self:
        """Return the configuration without these files."""
        return self if not names else self.with_files((name, {}) for name in names)

    def __getitem__(self, key: str) -> Any:
        return self.files[file_of(key)][key]

    def __iter__(self) -> Iterator[str]:
        for part in self.files.values():
            yield from part

    def __len__(self) -> int:
        return sum(map(len, self.files.values()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]
