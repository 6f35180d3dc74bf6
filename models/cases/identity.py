"""Identity: which case an execution belongs to, and which machine it ran on."""

import tomllib
import uuid
from dataclasses import dataclass
from functools import cache
from importlib import resources

_CASES = uuid.UUID("6f1c9a52-6c0e-5a3b-9d5e-0d6f3f7f8a11")


@dataclass(frozen=True, slots=True, order=True)
class CaseKey:
    """What makes a case the same case: a name on another machine or by another user is another."""

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
    """A computer at a site; the names are those by which it, or a part of it, is called."""

    site: str
    machines: tuple[str, ...]


@cache
def systems() -> dict[str, System]:
    """Return the systems that are known, by name."""
    text = resources.files("models.cases").joinpath("machines.toml").read_text(encoding="utf-8")
    rules = tomllib.loads(text)["systems"]
    return {name: System(each["site"], tuple(each["machines"])) for name, each in rules.items()}


@cache
def machine_systems() -> dict[str, str]:
    """Return the machines that are known, each with the system it is a part of."""
    return {machine: name for name, system in systems().items() for machine in system.machines}


def system_of(machine: str) -> str:
    """Return the system that a machine is a part of: `pm-gpu` is a part of `perlmutter`."""
    return machine_systems().get(machine, machine)
