"""What a difference means: configuration that changed, or variation that is expected."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from models.delta import Delta, Entry
from models.metadata import METADATA_FIELDS

_UNRECORDED = ("unrecorded", True)


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    class_name: str
    is_expected: bool


def split_delta(delta: Delta) -> tuple[Delta, Delta]:
    """Return the configuration that changed and the expected variation, each entry classed."""
    changed: Delta = {}
    expected: Delta = {}
    for key, entry in delta.items():
        class_name, is_expected = _UNRECORDED if _is_unrecorded(key, entry) else classify(key)
        (expected if is_expected else changed)[key] = entry | {"class": class_name}
    return changed, expected


def _is_unrecorded(key: str, entry: Entry) -> bool:
    """Tell whether a metadata field only lacks the file that it is read from."""
    return key in METADATA_FIELDS and "absent" in entry


@lru_cache(maxsize=65536)
def classify(key: str) -> tuple[str, bool]:
    """Return the class of a delta key, and whether it is one of the expected classes."""
    rule = next(rule for rule in _rules() if rule.pattern.fullmatch(key))
    return rule.class_name, rule.is_expected


@lru_cache(maxsize=1)
def _rules() -> Sequence[_Rule]:
    text = resources.files("models").joinpath("variation.toml").read_text(encoding="utf-8")
    table: dict[str, list[dict[str, Any]]] = tomllib.loads(text)
    return [
        _Rule(_pattern(item["keys"]), item["class"], kind == "expected")
        for kind in ("expected", "changed")
        for item in table[kind]
    ]


def _pattern(keys: Sequence[str]) -> re.Pattern[str]:
    one_each = ("".join(".*" if p == "*" else re.escape(p) for p in _parts(key)) for key in keys)
    return re.compile("|".join(one_each), re.DOTALL)


def _parts(key: str) -> list[str]:
    return re.split(r"(\*)", key)
