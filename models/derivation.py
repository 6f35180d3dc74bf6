"""Which values of a configuration are made from others, so that one change is reported once."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from models.delta import Delta

_PLACEHOLDERS = {"{c}": "(?P<c>[A-Za-z]+)", "{name}": r"(?P<name>\w+)", "{any}": "[^.]+"}
_USER_NAMELIST = re.compile(r"user_nl_([a-z0-9]+)(_[0-9]{4})?\.(.+)")


@dataclass(frozen=True, slots=True)
class _Rule:
    derived: re.Pattern[str]
    primary: str

    def primary_of(self, key: str) -> str | None:
        match = self.derived.fullmatch(key)
        if match is None:
            return None
        primary = self.primary
        for placeholder, part in match.groupdict().items():
            primary = primary.replace(f"{{{placeholder}}}", part.upper())
        return primary


@dataclass(frozen=True, slots=True)
class _Table:
    rules: tuple[_Rule, ...]
    user_namelists: dict[str, list[str]]


def set_repeats_apart(delta: Delta) -> tuple[Delta, Delta]:
    """Return the changes, each under its primary key, and the entries that only repeat them.

    A change that is made in an XML variable shows in the namelist made from it, and a line of
    user_nl in the effective namelist. The entry of the primary key says in `alsoIn` where else
    its change shows.
    """
    in_namelists = _by_name(delta)
    also: dict[str, list[str]] = {}
    repeats: Delta = {}
    for key in delta:
        primary = _primary(key, delta, in_namelists)
        if primary is not None:
            repeats[key] = delta[key]
            also.setdefault(primary, []).append(key)
    changes = {
        key: entry | ({"alsoIn": sorted(also[key])} if key in also else {})
        for key, entry in delta.items()
        if key not in repeats
    }
    return changes, repeats


def _primary(key: str, delta: Delta, in_namelists: dict[tuple[str, str], str]) -> str | None:
    """Follow a key to the first cause that the delta holds, None when it is that itself."""
    found: str | None = None
    current = key
    while (above := _directly_above(current, delta, in_namelists)) is not None:
        found = current = above
    return found


def _directly_above(key: str, delta: Delta, in_namelists: dict[tuple[str, str], str]) -> str | None:
    user_line = _USER_NAMELIST.fullmatch(key)
    if user_line is not None:
        component, instance, name = user_line.groups()
        files = _table().user_namelists.get(component, [])
        effective = (in_namelists.get((f"{file}{instance or ''}", name)) for file in files)
        return next((found for found in effective if found is not None), None)
    return next((primary for primary in _primaries(key) if primary in delta), None)


def _by_name(delta: Delta) -> dict[tuple[str, str], str]:
    """Return the namelist keys by file and variable: a user_nl line does not tell its group."""
    split = ((key, key.split(".", 2)) for key in delta)
    return {(parts[0], parts[2]): key for key, parts in split if len(parts) == 3}


@lru_cache(maxsize=65536)
def _primaries(key: str) -> tuple[str, ...]:
    found = (rule.primary_of(key) for rule in _table().rules)
    return tuple(primary for primary in found if primary is not None)


@lru_cache(maxsize=1)
def _table() -> _Table:
    text = resources.files("models").joinpath("derivation.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    rules = tuple(_Rule(_pattern(key), rule["primary"]) for rule, key in _pairs(table["rule"]))
    return _Table(rules, table["user_namelists"])


def _pairs(rules: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    for rule in rules:
        for key in rule["derived"]:
            yield rule, key


def _pattern(key: str) -> re.Pattern[str]:
    """Return the pattern of a derived key; the instance of a namelist (`_0001`) is left aside."""
    file, _, rest = re.escape(key).partition(re.escape("."))
    escaped = f"{file}(?:_[0-9]{{4}})?{re.escape('.')}{rest}"
    for placeholder, pattern in _PLACEHOLDERS.items():
        escaped = escaped.replace(re.escape(placeholder), pattern)
    return re.compile(escaped)
