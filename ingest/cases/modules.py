"""The software that an execution ran on, from the names of modules and installation prefixes.

Spack ends these names with the hash of the spec, whole or its first seven characters:
`netcdf-c/4.4.1-a4hji6e`, `/soft/netcdf-c-4.4.1-a4hji6e/lib`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ingest.cases.parsers.mach_specific import FILE, MODULES_KEY
from models.cases.execution import Software

_NAME = r"(?P<name>[a-z0-9][a-z0-9_.-]{0,80}?)"
_VERSION = r"(?P<version>[0-9][A-Za-z0-9_.]{0,60}|develop|main|master)"
_HASH = r"(?P<hash>[a-z2-7]{32}|[a-z2-7]{7})"
_HYPHENS = r"(?P<version>[0-9][A-Za-z0-9_.]{0,60}(?:-[A-Za-z0-9_.]{1,60}){1,4})"
_MODULE = [re.compile(rf"{_NAME}/{version}-{_HASH}") for version in (_VERSION, _HYPHENS)]
_PREFIX = [re.compile(rf"{_NAME}-{version}-{_HASH}") for version in (_VERSION, _HYPHENS)]
# Words that look like the first seven characters of a hash.
_WORDS = frozenset({"release", "default", "openmpi", "mvapich", "classic"})
_UNLOADS = frozenset({"unload", "rm", "remove", "del", "delete"})
_SWAPS = frozenset({"swap", "switch", "sw"})
_CLEARS = frozenset({"purge", "reset", "restore"})


def find_software(variables: Mapping[str, Any]) -> list[Software]:
    """Return the software that modules and environment variables name, once each, sorted."""
    by_key: dict[tuple[str, str, str], Software] = {}
    for source, text, patterns in _candidates(variables):
        match = next(filter(None, (pattern.fullmatch(text) for pattern in patterns)), None)
        if match is not None and match["hash"] not in _WORDS:
            key = (match["name"], match["version"], match["hash"])
            name, version, spec_hash = key
            software = Software(name=name, version=version, hash=spec_hash, source=source)
            by_key.setdefault(key, software)
    return [by_key[key] for key in sorted(by_key)]


def _candidates(variables: Mapping[str, Any]) -> Iterator[tuple[str, str, list[re.Pattern[str]]]]:
    """Yield where a text was found, the text, and the patterns of which one may match it."""
    for module in _loaded(variables.get(MODULES_KEY) or ()):
        yield "module", module, _MODULE
    prefix = f"{FILE}.environment_variables."
    for key, value in variables.items():
        if key.startswith(prefix) and isinstance(value, str):
            for part in re.split(r"[/:]", value[:65536]):
                yield key.removeprefix(prefix), part, _PREFIX


def _loaded(commands: Iterable[str]) -> list[str]:
    """Return the modules that are loaded after all these commands."""
    loaded: list[str] = []
    for command in commands:
        verb, *modules = command.split() or [""]
        if verb in _CLEARS:
            loaded = []
        gone = modules if verb in _UNLOADS else modules[:1] if verb in _SWAPS else []
        loaded = [m for m in loaded if not any(_is_called(m, name) for name in gone)]
        if verb not in _UNLOADS:
            loaded += modules[1:] if verb in _SWAPS and len(modules) > 1 else modules
    return loaded


def _is_called(module: str, name: str) -> bool:
    """Return whether a module has this name, which may leave out the version."""
    return module == name or module.startswith(f"{name}/")
