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
_INSTANCE = "_?[0-9]{4}"
_MAX_REMEMBERED = 65536
_USER_NAMELIST = re.compile(rf"user_nl_([a-z0-9-]+?)({_INSTANCE})?\.(.+)", re.DOTALL)
_NAMELIST = re.compile(rf"([^.]+?)({_INSTANCE})?\.[^.]+\.(?:[0-9]+\.)?(.+)", re.DOTALL)
_NamelistValue = tuple[str, str, str]
"""File, number of the instance (empty for one that is alone), and variable, without its group."""


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
        other keys under which its change appears. What the user sets in user_nl is its own
        cause.
        """
        effective = self._effective_keys(delta)
        set_by_user = frozenset(effective.values())
        repeats_of: dict[str, list[str]] = {}
        repeats: Delta = {}
        for key in delta:
            primary = effective.get(key)
            if primary is None and key not in set_by_user:
                primary = self._primary(key, delta)
            if primary is not None:
                repeats[key] = delta[key]
                repeats_of.setdefault(primary, []).append(key)
        changes = {
            key: entry | ({"alsoIn": sorted(repeats_of[key])} if key in repeats_of else {})
            for key, entry in delta.items()
            if key not in repeats
        }
        return changes, repeats

    def _effective_keys(self, delta: Delta) -> dict[str, str]:
        """Return by the key of a line of user_nl the key of the namelist value that it sets."""
        lines = [(key, match) for key in delta if (match := _USER_NAMELIST.fullmatch(key))]
        namelists = _namelist_keys(delta) if lines else {}
        effective = {}
        for key, match in lines:
            component, instance, name = match.groups(default="")
            for file in self._user_namelists.get(component, []):
                if (file, instance.lstrip("_"), name) in namelists:
                    effective[key] = namelists[file, instance.lstrip("_"), name]
                    break
        return effective

    def _primary(self, key: str, delta: Delta) -> str | None:
        """Return the first cause of a key within the delta, None when it has no other cause.

        A key that is its own cause, by a circle of rules, repeats nothing.
        """
        cause = self._direct_cause(key, delta)
        seen = {key}
        while cause is not None and cause not in seen:
            seen.add(cause)
            above = self._direct_cause(cause, delta)
            if above is None or above in seen - {key}:
                return cause
            cause = above
        return None

    def _direct_cause(self, key: str, delta: Delta) -> str | None:
        causes = (self._find(primary, delta) for primary in self._primaries(key))
        return next((cause for cause in causes if cause is not None), None)

    def _find(self, primary: str, delta: Delta) -> str | None:
        """Return the key of a delta that a primary key is.

        For one that ends in `*` it is the first below it, except those that another change causes.
        """
        if not primary.endswith("*"):
            return primary if primary in delta else None
        beginning = primary.removesuffix("*")
        below = (key for key in delta if key.startswith(beginning))
        return next((key for key in below if delta.keys().isdisjoint(self._primaries(key))), None)

    def _primaries(self, key: str) -> tuple[str, ...]:
        """Return the primary keys that the rules give for a key, in the order of the rules."""
        known = self._known.get(key)
        if known is None:
            primaries = (rule.primary_of(key) for rule in self._rules)
            known = tuple(primary for primary in primaries if primary is not None)
            if len(self._known) < _MAX_REMEMBERED:
                self._known[key] = known
        return known


def _namelist_keys(delta: Delta) -> dict[_NamelistValue, str]:
    """Return the keys of namelist values by what a line of user_nl says, which has no group."""
    keys = {}
    for key in delta:
        match = _NAMELIST.fullmatch(key)
        if match is not None:
            file, instance, name = match.groups(default="")
            keys[file, instance.lstrip("_"), name] = key
    return keys


def _pattern(key: str) -> re.Pattern[str]:
    """Return the pattern of a derived key, of any instance (`atm_in_0001`, `mpaso_in0001`)."""
    file, _, rest = re.escape(key).partition(re.escape("."))
    escaped = f"{file}(?:{_INSTANCE})?{re.escape('.')}{rest}"
    for placeholder, pattern in _PLACEHOLDERS.items():
        escaped = escaped.replace(re.escape(placeholder), pattern)
    return re.compile(escaped)
