"""What a difference means: configuration that changed, or variation that is expected."""

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from models.delta import Delta

_UNRECORDED = ("unrecorded", True)


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    class_name: str
    is_expected: bool


def split_delta(
    delta: Delta, canonical_files: Collection[str], current_files: Collection[str]
) -> tuple[Delta, Delta]:
    """Return the configuration that changed and the expected variation, each entry classed.

    What is absent because its whole file is, on that side, was not recorded: nobody knows whether
    it changed. The files are those that keys begin with; a metadata field is a file of its own.
    """
    changed: Delta = {}
    expected: Delta = {}
    files = {"canonical": canonical_files, "current": current_files}
    for key, entry in delta.items():
        side = entry.get("absent")
        is_unrecorded = side is not None and key.partition(".")[0] not in files[side]
        class_name, is_expected = _UNRECORDED if is_unrecorded else classify(key)
        (expected if is_expected else changed)[key] = entry | {"class": class_name}
    return changed, expected


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
