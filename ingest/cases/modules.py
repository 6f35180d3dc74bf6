"""Software that an execution ran on, as the names of modules and prefixes tell it.

Spack ends the names of modules and of installation prefixes with the hash of the spec, whole or
its first seven characters: `netcdf-c/4.4.1-a4hji6e`, `/soft/netcdf-c-4.4.1-a4hji6e/lib`.
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
_WORDS = frozenset({"release", "default", "openmpi", "mvapich", "classic"})
_UNLOADS = frozenset({"unload", "rm", "remove", "del", "delete"})
_SWAPS = frozenset({"swap", "switch", "sw"})
_CLEARS = frozenset({"purge", "reset", "restore"})


def find_software(variables: Mapping[str, Any]) -> list[Software]:
    """Return the software that modules and environment variables name, each once, by name."""
    found: dict[tuple[str, str, str], Software] = {}
    for source, text, patterns in _candidates(variables):
        match = next(filter(None, (pattern.fullmatch(text) for pattern in patterns)), None)
        if match is not None and match["hash"] not in _WORDS:
            key = (match["name"], match["version"], match["hash"])
            name, version, spec_hash = key
            software = Software(name=name, version=version, hash=spec_hash, source=source)
            found.setdefault(key, software)
    return [found[key] for key in sorted(found)]


def _candidates(variables: Mapping[str, Any]) -> Iterator[tuple[str, str, list[re.Pattern[str]]]]:
    for module in _loaded(variables.get(MODULES_KEY) or ()):
        yield "module", module, _MODULE
    prefix = f"{FILE}.environment_variables."
    for key, value in variables.items():
        if key.startswith(prefix) and isinstance(value, str):
            for part in re.split(r"[/:]", value[:65536]):
                yield key.removeprefix(prefix), part, _PREFIX


def _loaded(commands: Iterable[str]) -> list[str]:
    """Return the modules that are loaded when all the commands have been run."""
    loaded: list[str] = []
    for command in commands:
        verb, *modules = command.split() or [""]
        if verb in _CLEARS:
            loaded = []
        gone = modules if verb in _UNLOADS else modules[:1] if verb in _SWAPS else []
        loaded = [each for each in loaded if not any(_is_meant(name, each) for name in gone)]
        if verb not in _UNLOADS:
            loaded += modules[1:] if verb in _SWAPS and len(modules) > 1 else modules
    return loaded


def _is_meant(name: str, module: str) -> bool:
    """Tell whether a module is the one of a name, which may leave out the version."""
    return module == name or module.startswith(f"{name}/")
