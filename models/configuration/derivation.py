"""Which values of a configuration are made from others, so that one change is reported once."""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources

from pydantic import BaseModel

from models.configuration.delta import Delta

_PLACEHOLDERS = {"{c}": "(?P<c>[A-Za-z]+)", "{name}": r"(?P<name>\w+)", "{any}": "[^.]+"}
_Namelists = dict[tuple[str, str], str]
_MOST_REMEMBERED = 65536
_USER_NAMELIST = re.compile(r"user_nl_([a-z0-9]+)(_[0-9]{4})?\.(.+)")


class _RuleText(BaseModel, extra="forbid"):
    derived: list[str]
    primary: str


class _Table(BaseModel, extra="forbid"):
    """What a table is in TOML."""

    rule: list[_RuleText] = []
    user_namelists: dict[str, list[str]] = {}


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


class DerivationTable:
    """The rules by which a change is traced to its cause: a site's, then derivation.toml's."""

    def __init__(self, own: str = "") -> None:
        """Read the table; `own` is TOML like derivation.toml, whose rules come before these.

        TOMLDecodeError or ValidationError when it is not.
        """
        builtin = (
            resources.files("models.configuration")
            .joinpath("derivation.toml")
            .read_text(encoding="utf-8")
        )
        tables = [_Table.model_validate(tomllib.loads(text)) for text in (own, builtin)]
        self._rules = [
            _Rule(_pattern(key), rule.primary)
            for table in tables
            for rule in table.rule
            for key in rule.derived
        ]
        self._user_namelists = tables[1].user_namelists | tables[0].user_namelists
        self._known: dict[str, tuple[str, ...]] = {}

    def set_repeats_apart(self, delta: Delta) -> tuple[Delta, Delta]:
        """Return the changes, each under its primary key, and the entries that only repeat them.

        A change that is made in an XML variable shows in the namelist made from it, and a line of
        user_nl in the effective namelist. The entry of the primary key says in `alsoIn` where else
        its change shows.
        """
        in_namelists = _by_name(delta)
        also: dict[str, list[str]] = {}
        repeats: Delta = {}
        for key in delta:
            primary = self._primary(key, delta, in_namelists)
            if primary is not None:
                repeats[key] = delta[key]
                also.setdefault(primary, []).append(key)
        changes = {
            key: entry | ({"alsoIn": sorted(also[key])} if key in also else {})
            for key, entry in delta.items()
            if key not in repeats
        }
        return changes, repeats

    def _primary(self, key: str, delta: Delta, in_namelists: _Namelists) -> str | None:
        """Follow a key to the first cause that the delta holds, None when it is that itself.

        What is its own cause by a circle of rules is no repeat of anything.
        """
        found = self._directly_above(key, delta, in_namelists)
        seen = {key}
        while found is not None and found not in seen:
            seen.add(found)
            above = self._directly_above(found, delta, in_namelists)
            if above is None or above in seen - {key}:
                return found
            found = above
        return None

    def _directly_above(self, key: str, delta: Delta, in_namelists: _Namelists) -> str | None:
        user_line = _USER_NAMELIST.fullmatch(key)
        if user_line is not None:
            component, instance, name = user_line.groups()
            files = self._user_namelists.get(component, [])
            effective = (in_namelists.get((f"{file}{instance or ''}", name)) for file in files)
            return next((found for found in effective if found is not None), None)
        return next((primary for primary in self._primaries(key) if primary in delta), None)

    def _primaries(self, key: str) -> tuple[str, ...]:
        known = self._known.get(key)
        if known is None:
            found = (rule.primary_of(key) for rule in self._rules)
            known = tuple(primary for primary in found if primary is not None)
            if len(self._known) < _MOST_REMEMBERED:
                self._known[key] = known
        return known


def _by_name(delta: Delta) -> _Namelists:
    """Return the namelist keys by file and variable: a user_nl line does not tell its group."""
    split = ((key, key.split(".", 2)) for key in delta)
    return {(parts[0], parts[2]): key for key, parts in split if len(parts) == 3}


def _pattern(key: str) -> re.Pattern[str]:
    """Return the pattern of a derived key; the instance of a namelist (`_0001`) is left aside."""
    file, _, rest = re.escape(key).partition(re.escape("."))
    escaped = f"{file}(?:_[0-9]{{4}})?{re.escape('.')}{rest}"
    for placeholder, pattern in _PLACEHOLDERS.items():
        escaped = escaped.replace(re.escape(placeholder), pattern)
    return re.compile(escaped)
