"""VariationTable: whether a difference is a change of configuration or an expected variation."""

import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from pydantic import BaseModel, Field

from models.configuration.delta import Delta
from models.configuration.values import file_of

_UNRECORDED = ("unrecorded", True)
_MAX_REMEMBERED = 65536


class _List(BaseModel, extra="forbid"):
    class_name: str = Field(alias="class")
    keys: list[str]


class _Lists(BaseModel, extra="forbid"):
    """The contents of variation.toml, or of a site's file."""

    expected: list[_List] = []
    changed: list[_List] = []


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    class_name: str
    is_expected: bool


class VariationTable:
    """The rules that classify keys: a site's, then those of variation.toml."""

    def __init__(self, site_table: str = "") -> None:
        """Read the table; `site_table` is TOML like variation.toml, and its lists come first.

        Raise TOMLDecodeError or ValidationError when it is invalid.
        """
        builtin = (
            resources.files("models.configuration")
            .joinpath("variation.toml")
            .read_text(encoding="utf-8")
        )
        self._rules = [*_read_rules(site_table), *_read_rules(builtin)]
        self._classes: dict[str, tuple[str, bool]] = {}

    def classify(self, key: str) -> tuple[str, bool]:
        """Return the class of a delta key, and whether that class is expected to vary."""
        known = self._classes.get(key)
        if known is None:
            rule = next(rule for rule in self._rules if rule.pattern.fullmatch(key))
            known = rule.class_name, rule.is_expected
            if len(self._classes) < _MAX_REMEMBERED:
                self._classes[key] = known
        return known

    def split(
        self, delta: Delta, canonical_files: Collection[str], current_files: Collection[str]
    ) -> tuple[Delta, Delta]:
        """Return the changed configuration and the expected variation; entries get a `class`.

        A value that is absent because its whole file is absent on that side was not recorded: it
        is unknown whether it changed, and its class is `unrecorded`, which counts as expected. The
        files are the names that keys begin with; a metadata field counts as a file of its own.
        """
        changed: Delta = {}
        expected: Delta = {}
        files = {"canonical": canonical_files, "current": current_files}
        for key, entry in delta.items():
            side = entry.get("absent")
            is_unrecorded = side is not None and file_of(key) not in files[side]
            class_name, is_expected = _UNRECORDED if is_unrecorded else self.classify(key)
            (expected if is_expected else changed)[key] = entry | {"class": class_name}
        return changed, expected


def _read_rules(text: str) -> Iterator[_Rule]:
    lists = _Lists.model_validate(tomllib.loads(text))
    for rule_list in lists.expected:
        yield _Rule(_pattern(rule_list.keys), rule_list.class_name, is_expected=True)
    for rule_list in lists.changed:
        yield _Rule(_pattern(rule_list.keys), rule_list.class_name, is_expected=False)


def _pattern(keys: Sequence[str]) -> re.Pattern[str]:
    patterns = ("".join(".*" if p == "*" else re.escape(p) for p in _parts(key)) for key in keys)
    return re.compile("|".join(patterns), re.DOTALL)


def _parts(key: str) -> list[str]:
    return re.split(r"(\*)", key)
