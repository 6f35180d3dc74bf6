"""The identity of cases, and the machines and systems that they run on."""

import tomllib
import uuid
from dataclasses import dataclass
from functools import cache
from importlib import resources

_NICKNAMES = {"pm": "perlmutter"}
_CASES = uuid.UUID("6f1c9a52-6c0e-5a3b-9d5e-0d6f3f7f8a11")


@dataclass(frozen=True, slots=True, order=True)
class CaseKey:
    """The identity of a case: the same name on another machine, or by another user, is another."""

    machine: str
    user: str
    name: str

    @property
    def case_id(self) -> str:
        """The `_id` of the case: a UUIDv5 of the key, so that every importer computes the same."""
        return str(uuid.uuid5(_CASES, f"{self.machine}\0{self.user}\0{self.name}"))


def spell_machine(name: str) -> str:
    """Return a machine name as it is stored: E3SM's MACH in lower case."""
    return name.strip().lower()


@dataclass(frozen=True, slots=True)
class System:
    """A computer at a site; `machines` are the names by which it, or a part of it, is known.

    Without a site it is a kind of computer, such as a laptop.
    """

    site: str | None
    machines: tuple[str, ...]


@cache
def systems() -> dict[str, System]:
    """Return the known systems by name."""
    text = resources.files("models.cases").joinpath("machines.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)["systems"]
    return {
        name: System(table.get("site"), tuple(table["machines"])) for name, table in tables.items()
    }


@cache
def machine_systems() -> dict[str, str]:
    """Return the known machines, each with the name of the system that it is part of."""
    return {machine: name for name, system in systems().items() for machine in system.machines}


@cache
def named_machines() -> frozenset[str]:
    """Return the names that a directory may have for its machine: those of computers at a site."""
    at_a_site = (system for system in systems().values() if system.site is not None)
    return frozenset(name for system in at_a_site for name in system.machines)


def machines_named(name: str) -> tuple[str, ...]:
    """Return the machines that a name stands for, in any spelling: all those of a system."""
    spelled = spell_machine(name)
    of_system = systems().get(_NICKNAMES.get(spelled, spelled))
    return of_system.machines if of_system else (spelled,)


def system_of(machine: str) -> str:
    """Return the system that a machine is part of: `perlmutter` for `pm-gpu`.

    A machine that is not known is a system of its own.
    """
    return machine_systems().get(machine, machine)
