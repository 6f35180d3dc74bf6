"""Placing: the machine of executions whose files do not name one.

An execution that died early may have no file that names its machine. It goes, in this order, to

    the machine of the other executions of its case, if all have the same one
    the machine that the directory above the archive is named by
    the machine that the user of the import names (`--machine`)

and is rejected otherwise, because another execution of its case may come and tell.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from models.cases.identity import CaseKey, spell_machine, system_of
from models.database.client import Database

if TYPE_CHECKING:
    from models.cases.observation import Observation


class Placing:
    """The machines of the cases that an import has seen, and those that are recorded."""

    def __init__(self, database: Database, stated_machine: str | None) -> None:
        self._database = database
        self._stated = spell_machine(stated_machine or "")
        self._seen: dict[tuple[str, str], set[str]] = {}

    def note(self, key: CaseKey) -> None:
        """Note that an execution of a case has told its machine."""
        self._seen.setdefault((key.user, key.name), set()).add(key.machine)

    async def place(self, observation: "Observation") -> "Observation | None":
        """Return an observation with its machine, None when nothing tells it."""
        key, directory = observation.key, observation.directory_machine
        machines = await self._machines_of(key)
        if directory is not None:
            machines = {name for name in machines if directory in (name, system_of(name))}
        others = machines.pop() if len(machines) == 1 else None
        machine = others or directory or self._stated
        return replace(observation, key=replace(key, machine=machine)) if machine else None

    async def _machines_of(self, key: CaseKey) -> set[str]:
        query = {"user": key.user, "name": key.name}
        recorded = await self._database.cases.find(query, {"machine": 1})
        seen = self._seen.get((key.user, key.name), set())
        return seen | {str(case["machine"]) for case in recorded}
