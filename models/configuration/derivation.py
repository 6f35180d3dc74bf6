"""DerivationTable: which configuration values derive from others, to report each change once.

env_run.STOP_N   ──>  drv_in.seq_timemgr_inparm.stop_n
(primary key)         (derived key: its entry only repeats the change)
"""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources

from pydantic import BaseModel

from models.configuration.delta import Delta

_PLACEHOLDERS = {
    "{c}": "(?P<c>[A-Za-z]+)",
    "{name}": r"(?P<name>\w+)",
    "{any}": "[^.]+",
    "{path}": "(?P<path>.+)",
    "{rest}": r"\w*",
}
_Namelists = dict[tuple[str, str], str]
_MAX_REMEMBERED = 65536
_USER_NAMELIST = re.compile(r"user_nl_([a-z0-9-]+)(_[0-9]{4})?\.(.+)")


class _RuleText(BaseModel, extra="forbid"):
    derived: list[str]
    primary: str


class _Table(BaseModel, extra="forbid"):
    """The contents of derivation.toml, or of a site's file."""

    rule: list[_RuleText] = []
    user_namelists: dict[str, list[str]] = {}


@dataclass(frozen=True, slots=True)
class _Rule:
    derived: re.Pattern[str]
    primary: str

    def primary_of(self, key: str) -> str | None:
        """Return the primary key of a derived key, None when the rule does not apply."""
        match = self.derived.fullmatch(key)
        if match is None:
            return None
        primary = self.primary
        for placeholder, part in match.groupdict().items():
            text = part if placeholder == "path" else part.upper()
            primary = primary.replace(f"{{{placeholder}}}", text)
        return primary


class DerivationTable:
    """The rules that trace a change to its cause: a site's, then those of derivation.toml."""

    def __init__(self, site_table: str = "") -> None:
        """Read the table; `site_table` is TOML like derivation.toml, and its rules come first.

        Raise TOMLDecodeError or ValidationError when it is invalid.
        """
        builtin = (
            resources.files("models.configuration")
            .joinpath("derivation.toml")
            .read_text(encoding="utf-8")
        )
        tables = [_Table.model_validate(tomllib.loads(text)) for text in (site_table, builtin)]
        self._rules = [
            _Rule(_pattern(key), rule.primary)
            for table in tables
            for rule in table.rule
            for key in rule.derived
        ]
        self._user_namelists = tables[1].user_namelists | tables[0].user_namelists
        self._known: dict[str, tuple[str, ...]] = {}

    def split_repeats(self, delta: Delta) -> tuple[Delta, Delta]:
        """Return the changes, each under its primary key, and the entries that only repeat them.

        A change of an XML variable appears again in the namelist that is made from it, and a line
        of user_nl in the effective namelist. The entry of the primary key lists in `alsoIn` the
        other keys under which its change appears.
        """
        namelists = _by_name(delta)
        repeats_of: dict[str, list[str]] = {}
        repeats: Delta = {}
        for key in delta:
            primary = self._primary(key, delta, namelists)
            if primary is not None:
                repeats[key] = delta[key]
                repeats_of.setdefault(primary, []).append(key)
        changes = {
            key: entry | ({"alsoIn": sorted(repeats_of[key])} if key in repeats_of else {})
            for key, entry in delta.items()
            if key not in repeats
        }
        return changes, repeats

    def _primary(self, key: str, delta: Delta, namelists: _Namelists) -> str | None:
        """Return the first cause of a key within the delta, None when it has no other cause.

        A key that is its own cause, by a circle of rules, repeats nothing.
        """
        cause = self._direct_cause(key, delta, namelists)
        seen = {key}
        while cause is not None and cause not in seen:
            seen.add(cause)
            above = self._direct_cause(cause, delta, namelists)
            if above is None or above in seen - {key}:
                return cause
            cause = above
        return None

    def _direct_cause(self, key: str, delta: Delta, namelists: _Namelists) -> str | None:
        user_line = _USER_NAMELIST.fullmatch(key)
        if user_line is not None:
            component, instance, name = user_line.groups()
            files = self._user_namelists.get(component, [])
            effective = (namelists.get((f"{file}{instance or ''}", name)) for file in files)
            return next((primary for primary in effective if primary is not None), None)
        causes = (_find(primary, delta) for primary in self._primaries(key))
        return next((cause for cause in causes if cause is not None), None)

    def _primaries(self, key: str) -> tuple[str, ...]:
        """Return the primary keys that the rules give for a key, in the order of the rules."""
        known = self._known.get(key)
        if known is None:
            primaries = (rule.primary_of(key) for rule in self._rules)
            known = tuple(primary for primary in primaries if primary is not None)
            if len(self._known) < _MAX_REMEMBERED:
                self._known[key] = known
        return known


def _find(primary: str, delta: Delta) -> str | None:
    """Return the key of a delta that a primary key, or its beginning before `*`, is."""
    if not primary.endswith("*"):
        return primary if primary in delta else None
    beginning = primary.removesuffix("*")
    return next((key for key in delta if key.startswith(beginning)), None)


def _by_name(delta: Delta) -> _Namelists:
    """Return the namelist keys by file and variable, because a user_nl line has no group."""
    split = ((key, key.split(".", 2)) for key in delta)
    return {(parts[0], parts[2]): key for key, parts in split if len(parts) == 3}


def _pattern(key: str) -> re.Pattern[str]:
    """Return the pattern of a derived key; it allows the instance of a namelist (`_0001`)."""
    file, _, rest = re.escape(key).partition(re.escape("."))
    escaped = f"{file}(?:_[0-9]{{4}})?{re.escape('.')}{rest}"
    for placeholder, pattern in _PLACEHOLDERS.items():
        escaped = escaped.replace(re.escape(placeholder), pattern)
    return re.compile(escaped)
